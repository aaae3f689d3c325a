import { postgresStage } from '../stages/postgres.js'
import {
  atLeast,
  atLeastAt64,
  callSettings,
  concurrencies,
  cpu,
  duplicates,
  handledName,
  newKeys,
  ours,
  quickCallSettings,
  storeName,
} from './common.js'
import type { Scenario } from '../scenario.js'

const raw = 'raw pg'
/** Of the peers, which are slower by far. */
const few = { keys: '5000' }

export const postgres: Scenario = {
  name: 'postgres',
  title: 'PostgreSQL with pg, a pool of 10: claim and complete, and the whole wrapper on a transport that does nothing',
  needs: ['postgres'],
  stage: postgresStage,
  measuring: 'calls',
  varies: 'at once',
  cases: concurrencies,
  settings: callSettings,
  quickSettings: quickCallSettings,
  limitMs: 90_000,
  entrants: [
    { name: raw, contender: 'postgres-raw', isBaseline: true },
    { name: storeName, contender: 'postgres-store', ...ours },
    { name: handledName, contender: 'postgres-handled', ...ours },
    { name: 'DBOS', contender: 'dbos', settings: few, isPeer: true },
    { name: 'pg-transactional-outbox', contender: 'transactional-inbox', settings: few, isPeer: true },
  ],
  measures: [newKeys, duplicates, cpu],
  targets: [
    atLeast(storeName, raw, newKeys, 0.95, 2.8, 6, 7),
    atLeast(handledName, raw, newKeys, 0.8, 2.5, 5, 6),
    atLeast(handledName, raw, duplicates, 0.8, 1.5, 2.5, 3),
    atLeastAt64(handledName, 'DBOS', newKeys, 20),
    atLeastAt64(handledName, 'pg-transactional-outbox', newKeys, 15),
  ],
  note: 'DBOS and pg-transactional-outbox store the message as well.',
}
