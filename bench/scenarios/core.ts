import { noStage } from '../stages/stage.js'
import { handledName, ours, storeName } from './common.js'
import type { Scenario } from '../scenario.js'

export const core: Scenario = {
  name: 'core',
  title: 'The core alone: a delivery through the wrapper, the memory store and a handler that does nothing',
  needs: [],
  stage: noStage,
  measuring: 'core',
  varies: 'at once',
  cases: ['1', '64'].map((concurrency) => ({ name: concurrency, settings: { concurrency }, isQuick: true })),
  settings: { samples: '9', keys: '50000' },
  quickSettings: { samples: '3', keys: '5000' },
  limitMs: 60_000,
  entrants: [
    { name: 'the handler alone', contender: 'memory-none', settings: { dedups: 'no' } },
    { name: 'a Map', contender: 'memory-map', isBaseline: true },
    { name: storeName, contender: 'memory-store', ...ours },
    { name: handledName, contender: 'memory-handled', ...ours },
  ],
  measures: [
    { name: 'us', title: 'processor time of a delivery', unit: 'µs', better: 'less' },
    { name: 'bytes', title: 'memory allocated for a delivery, its record included', unit: 'bytes', better: 'less' },
    { name: 'keptBytes', title: 'memory kept for a consumed key', unit: 'bytes', better: 'less' },
  ],
  targets: [
    { entrant: handledName, measure: 'us', bound: 'at most', values: { '1': 3, '64': 3 } },
    { entrant: handledName, measure: 'bytes', bound: 'at most', values: { '1': 1_000, '64': 1_000 } },
  ],
}
