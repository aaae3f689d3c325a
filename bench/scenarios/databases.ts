/** Claim and complete in MariaDB, SQLite and memory; and a business transaction with and without the inbox. */
import { nodeBinary } from '../../test/package/nodes.js'
import { mariadbStage } from '../stages/mariadb.js'
import { postgresStage } from '../stages/postgres.js'
import { noStage } from '../stages/stage.js'
import { sqliteStage } from '../stages/sqlite.js'
import {
  atLeast,
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
import type { ContenderName } from '../contenders.js'
import type { Scenario } from '../scenario.js'

const shared = {
  measuring: 'calls',
  varies: 'at once',
  cases: concurrencies,
  settings: callSettings,
  quickSettings: quickCallSettings,
  limitMs: 60_000,
} as const

export const memory: Scenario = {
  ...shared,
  name: 'memory',
  title: 'The memory store, beside a Map: claim and complete, and the whole wrapper on a transport that does nothing',
  needs: [],
  stage: noStage,
  // What is in memory is soon full of keys.
  settings: { ...callSettings, warmMs: '300', forMs: '1000' },
  entrants: [
    { name: 'a Map', contender: 'memory-map', isBaseline: true },
    { name: storeName, contender: 'memory-store', ...ours },
    { name: handledName, contender: 'memory-handled', ...ours },
  ],
  measures: [newKeys, duplicates],
  targets: [],
}

const rawMysql2 = 'raw mysql2'

export const mariadb: Scenario = {
  ...shared,
  name: 'mariadb',
  title: 'MariaDB with mysql2, a pool of 10: claim and complete, and the whole wrapper on a transport that does nothing',
  needs: ['mariadb'],
  stage: mariadbStage,
  entrants: [
    { name: rawMysql2, contender: 'mariadb-raw', isBaseline: true },
    { name: storeName, contender: 'mariadb-store', ...ours },
    { name: handledName, contender: 'mariadb-handled', ...ours },
  ],
  measures: [newKeys, duplicates, cpu],
  targets: [atLeast(storeName, rawMysql2, newKeys, 0.8, 2.5, 5, 7)],
}

export const sqliteFull = sqlite('FULL', { '64': 8 })
export const sqliteNormal = sqlite('NORMAL', { '1': 0.8, '16': 0.8, '64': 0.8, '256': 0.8 })

function sqlite(synchronous: 'FULL' | 'NORMAL', values: Readonly<Record<string, number>>): Scenario {
  const raw = 'raw node:sqlite'
  return {
    ...shared,
    name: `sqlite-${synchronous.toLowerCase()}`,
    title: `SQLite by node:sqlite, with a write-ahead log and synchronous = ${synchronous}: claim and complete, and the whole wrapper`,
    needs: [],
    stage: sqliteStage,
    // It came with Node 22.
    node: () => (process.versions.node.startsWith('20.') ? nodeBinary('22.23.3') : process.execPath),
    settings: { ...callSettings, synchronous },
    entrants: [
      { name: raw, contender: 'sqlite-raw', isBaseline: true },
      { name: storeName, contender: 'sqlite-store', ...ours },
      { name: handledName, contender: 'sqlite-handled', ...ours },
    ],
    measures: [newKeys, duplicates, cpu],
    targets: [{ entrant: storeName, against: raw, measure: newKeys.name, bound: 'at least', values }],
  }
}

export const inboxPostgres = inbox('postgres', postgresStage, 'inbox-postgres-alone', 'inbox-postgres')
export const inboxMariadb = inbox('mariadb', mariadbStage, 'inbox-mariadb-alone', 'inbox-mariadb')

function inbox(service: string, stage: Scenario['stage'], alone: ContenderName, within: ContenderName): Scenario {
  const without = 'the transaction alone'
  const inInbox = 'hapax, inbox'
  const cases = concurrencies.filter(({ name }) => name !== '256')
  return {
    ...shared,
    name: `inbox-${service}`,
    title: `A business transaction of one insert, a pool of 10, with and without the inbox, on ${service}`,
    needs: [service],
    stage,
    cases,
    // The same order cannot be inserted again.
    settings: { ...callSettings, dedups: 'no' },
    entrants: [
      { name: without, contender: alone, isBaseline: true },
      { name: inInbox, contender: within, ...ours },
    ],
    measures: [{ ...newKeys, title: 'transactions' }, cpu],
    targets: [
      {
        entrant: inInbox,
        against: without,
        measure: newKeys.name,
        bound: 'at least',
        values: Object.fromEntries(cases.map(({ name }) => [name, 0.9])),
      },
    ],
  }
}
