import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { afterAll } from 'vitest'
import { openOutbox } from 'hapax'
import { memoryOutbox, memoryStore } from 'hapax/stores/memory'
import { mysqlOutbox } from 'hapax/stores/mysql'
import { postgresOutbox } from 'hapax/stores/postgres'
import { sqliteOutbox } from 'hapax/stores/sqlite'
import { memoryBroker } from 'hapax/transports/memory'
import { kafkaPublisher } from 'hapax/transports/kafka'
import { rabbitmqPublisher } from 'hapax/transports/rabbitmq'
import { Kafka, logLevel } from 'kafkajs'
import { areWholeNumbers, holdToRules, required, rules } from './rules.js'
import type { Outgoing, OutboxTable, Publisher, Random, RelayOptions, SetAsideMessage } from 'hapax'
import type { EffectsAtCommit, MemoryOutboxOptions } from 'hapax/stores/memory'
import type { MysqlOutboxOptions } from 'hapax/stores/mysql'
import type { PostgresOutboxOptions } from 'hapax/stores/postgres'
import type { SqliteHandle, SqliteOutboxOptions } from 'hapax/stores/sqlite'
import type { Rule, Rules } from './rules.js'

/** Neither connects before it is used. */
const pool = new Pool({ host: '127.0.0.1', port: 1 })
const mysqlPool = createPool({ host: '127.0.0.1', port: 1 })
afterAll(() => Promise.all([pool.end(), mysqlPool.end()]))
const open = (): SqliteHandle => ({ exec: () => undefined, prepare: () => ({ all: () => [] }), close: () => undefined })
const broker = memoryBroker()
const outbox = memoryOutbox()
const store = memoryStore()

holdToRules<MemoryOutboxOptions>({
  name: 'memoryOutbox',
  base: {},
  rules: { clock: rules.clock(), random: rules.random() },
  take: (options) => memoryOutbox(options),
})
holdToRules<PostgresOutboxOptions>({
  name: 'postgresOutbox',
  base: {},
  rules: { table: rules.identifier(), schema: rules.identifier(), notify: rules.boolean(), prepare: rules.boolean() },
  take: (options) => postgresOutbox(pool, options),
})
holdToRules<MysqlOutboxOptions>({
  name: 'mysqlOutbox',
  base: {},
  rules: { table: rules.identifier(), schema: rules.identifier() },
  take: (options) => mysqlOutbox(mysqlPool, options),
})
const table = rules.identifier()
holdToRules<SqliteOutboxOptions>({
  name: 'sqliteOutbox',
  base: {},
  rules: {
    table: { good: table.good, fits: (value) => !/^sqlite_/i.test(typeof value === 'string' ? value : '') && table.fits(value) },
    lockWaitMs: rules.wholeNumber(0),
  },
  take: (options) => sqliteOutbox(open, options),
})
holdToRules<{ readonly random?: Random | undefined }>({
  name: 'openOutbox',
  base: {},
  rules: { random: rules.random() },
  take: (options) => openOutbox(outbox.table, options),
})
holdToRules<{ table: OutboxTable<EffectsAtCommit> }>({
  name: 'the table of an outbox',
  isArguments: true,
  base: { table: outbox.table },
  rules: { table: required.methods(outbox.table, 'check', 'add', 'takeLanes', 'read', 'sent', 'failed', 'setAside', 'listen') },
  take: (given) => openOutbox(given.table),
})

holdToRules<RelayOptions>({
  name: 'relay',
  base: {},
  rules: {
    pollMs: rules.wholeNumber(1),
    batch: rules.wholeNumber(1, { most: 10_000 }),
    concurrency: rules.wholeNumber(1, { most: 64 }),
    leaseMs: rules.wholeNumber(1_000),
    publishTimeoutMs: rules.wholeNumber(1),
    storeTimeoutMs: rules.wholeNumber(1, { most: 7_500 }),
    retryDelaysMs: rules.optional({ good: [[1], [10_000, 1_000]], fits: (value) => areWholeNumbers(value, 1) }),
    maxFailures: rules.wholeNumber(1),
    keepSentMs: rules.wholeNumber(0),
    graceMs: rules.wholeNumber(0),
    signal: rules.signal(),
    onTrouble: rules.function(),
    runtime: rules.runtime(),
  },
  take: async (options) => (await outbox.relay(broker, options)).stop(),
})
holdToRules<{ publisher: Publisher }>({
  name: 'the publisher of a relay',
  isArguments: true,
  base: { publisher: broker },
  rules: { publisher: required.methods(broker, 'publish') },
  take: async ({ publisher }) => (await outbox.relay(publisher)).stop(),
})
holdToRules<{ most: number }>({
  name: 'listSetAside',
  isArguments: true,
  base: { most: 100 },
  rules: { most: rules.wholeNumber(1) },
  take: ({ most }) => outbox.listSetAside(most),
})
holdToRules<Pick<SetAsideMessage, 'position'>>({
  name: 'sendAgain',
  base: { position: 17 },
  isArguments: true,
  rules: { position: { good: [0, 17], fits: (value) => value !== undefined && rules.wholeNumber(0).fits(value) } },
  take: ({ position }) => outbox.sendAgain([{ position, message: { id: 'a', destination: 'orders', body: 'm' } }]),
})

const message: Outgoing = { destination: 'orders', body: 'm' }
const anyText: Rule = { good: ['', 'a', '\ud800'], fits: (value) => typeof value === 'string' }
const messages: Rules<Outgoing> = {
  destination: required.text(10_000, 'orders'),
  body: { good: ['', 'm', '\ud800', new Uint8Array(3)], fits: (value) => typeof value === 'string' || value instanceof Uint8Array },
  headers: rules.optional({ good: [{}, { region: 'eu' }], fits: isHeaders }),
  orderingKey: rules.optional(anyText),
  id: rules.optional({ good: ['', 'order-17'], fits: (value) => typeof value === 'string' && value.isWellFormed() }),
}
const code = 'publish-refused'
holdToRules<Outgoing>({
  name: 'a message for an outbox',
  base: message,
  rules: messages,
  code,
  take: (given) => store.transaction((tx) => outbox.send(tx, [given])),
})
holdToRules<Outgoing>({
  name: 'a message for a memory broker',
  base: message,
  rules: messages,
  code,
  take: (given) => memoryBroker().publish([given]),
})
const kafka = kafkaPublisher(new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING }))
holdToRules<Outgoing>({
  name: 'a message for Kafka',
  base: message,
  rules: messages,
  code,
  triesGood: false,
  take: (given) => kafka.publish([given]),
})
const rabbitmq = rabbitmqPublisher(() => Promise.reject(new Error('Nobody is to connect')))
holdToRules<Outgoing>({
  name: 'a message for RabbitMQ',
  base: message,
  rules: messages,
  code,
  triesGood: false,
  take: (given) => rabbitmq.publish([given]),
})

function isHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Symbol.iterator in value) return false
  try {
    return Object.values(value).every((each) => typeof each === 'string')
  } catch {
    return false
  }
}
