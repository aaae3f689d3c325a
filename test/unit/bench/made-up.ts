/** Results that nobody has measured. */
import type { Result, Run } from '../../../bench/result.js'

export function measured(entrant: string, round: number, perSecond: number, inCase = '64'): Run {
  return { entrant, case: inCase, round, status: 'measured', measures: { new: perSecond } }
}

export function made(runs: readonly Run[], more: Partial<Result> = {}): Result {
  return {
    name: 'redis',
    title: 'Redis: claim and complete',
    facts: {
      at: '2026-03-01T12:00:00.000Z',
      commit: 'abc1234',
      node: 'v20.19.0',
      cpu: 'A processor',
      cpus: 2,
      memoryBytes: 8_000_000_000,
      load: [0.5, 0.4, 0.3],
      clients: { ioredis: '6.0.0' },
      peers: {},
      servers: { Redis: '7.0.15, appendonly no' },
    },
    isQuick: false,
    rounds: 3,
    varies: 'at once',
    cases: ['1', '64'],
    entrants: [
      { name: 'raw', isBaseline: true, isOurs: false },
      { name: 'hapax', isBaseline: false, isOurs: true },
    ],
    measures: [{ name: 'new', title: 'new keys', unit: 'per second', better: 'more' }],
    targets: [{ entrant: 'hapax', against: 'raw', measure: 'new', bound: 'at least', values: { '1': 0.9, '64': 1.5, '256': 1.5 } }],
    runs,
    leftOut: [],
    ...more,
  }
}

/** The machine was half as fast in the second round. */
export const threeRounds: readonly Run[] = [
  measured('raw', 0, 1_000),
  measured('hapax', 0, 1_800),
  measured('raw', 1, 500),
  measured('hapax', 1, 1_000),
  measured('raw', 2, 1_100),
  measured('hapax', 2, 1_760),
]
