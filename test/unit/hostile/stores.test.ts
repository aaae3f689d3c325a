import { Redis } from 'ioredis'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { afterAll } from 'vitest'
import { memoryStore } from 'hapax/stores/memory'
import { mysqlStore } from 'hapax/stores/mysql'
import { postgresStore } from 'hapax/stores/postgres'
import { redisStore } from 'hapax/stores/redis'
import { sqliteStore } from 'hapax/stores/sqlite'
import { openRuntime, openSweep, systemClock, systemRandom } from 'hapax'
import { holdToRules, required, rules } from './rules.js'
import type { Clock, Random, SweepOptions } from 'hapax'
import type { MemoryStoreOptions } from 'hapax/stores/memory'
import type { MysqlDatabase, MysqlStoreOptions } from 'hapax/stores/mysql'
import type { PostgresDatabase, PostgresStoreOptions } from 'hapax/stores/postgres'
import type { RedisClient, RedisStoreOptions } from 'hapax/stores/redis'
import type { SqliteDatabase, SqliteHandle, SqliteStoreOptions } from 'hapax/stores/sqlite'
import type { Rule } from './rules.js'

/** None of these connects before it is used. */
const redis = new Redis({ lazyConnect: true })
const pool = new Pool({ host: '127.0.0.1', port: 1 })
const mysqlPool = createPool({ host: '127.0.0.1', port: 1 })
afterAll(async () => {
  redis.disconnect()
  await pool.end()
  await mysqlPool.end()
})
const bridge = { query: async () => [], queryIn: async () => [], transaction: async () => undefined }
const handle: SqliteHandle = { exec: () => undefined, prepare: () => ({ all: () => [] }), close: () => undefined }
const open = (): SqliteHandle => handle
const notToBeNamed = /^sqlite_/i

holdToRules<MemoryStoreOptions>({
  name: 'memoryStore',
  base: {},
  rules: { clock: rules.clock(), maxRecords: rules.wholeNumber(1) },
  take: (options) => memoryStore(options),
})

holdToRules<RedisStoreOptions>({
  name: 'redisStore',
  base: {},
  rules: {
    prefix: rules.text(10_000, 'hapax:', ' ', '{}', '*'),
    whenEvicting: rules.choice('refuse', 'accept'),
    coalesce: rules.boolean(),
  },
  take: (options) => redisStore(redis, options),
})

holdToRules<PostgresStoreOptions>({
  name: 'postgresStore',
  base: {},
  rules: {
    table: rules.identifier(),
    schema: rules.identifier(),
    sweepEveryMs: rules.wholeNumber(1),
    onSweepFailed: rules.function(),
    idleLimitMs: rules.wholeNumber(1, { most: 2 ** 31 - 1 }),
    prepare: rules.boolean(),
  },
  take: (options) => postgresStore(pool, options),
})

holdToRules<MysqlStoreOptions>({
  name: 'mysqlStore',
  base: {},
  rules: {
    table: rules.identifier(),
    schema: rules.identifier(),
    sweepEveryMs: rules.wholeNumber(1),
    onSweepFailed: rules.function(),
    idleLimitMs: rules.wholeNumber(1, { most: 2 ** 31 - 1 }),
  },
  take: (options) => mysqlStore(mysqlPool, options),
})

const table = rules.identifier()
holdToRules<SqliteStoreOptions>({
  name: 'sqliteStore',
  base: {},
  rules: {
    table: { good: table.good, fits: (value) => !(typeof value === 'string' && notToBeNamed.test(value)) && table.fits(value) },
    lockWaitMs: rules.wholeNumber(0),
    sweepEveryMs: rules.wholeNumber(1),
    onSweepFailed: rules.function(),
  },
  take: (options) => sqliteStore(open, options),
})

const sqliteHandle = required.methods(handle, 'exec', 'prepare', 'close')
holdToRules<{ client: RedisClient }>({
  name: 'the client of redisStore',
  isArguments: true,
  base: { client: redis },
  rules: { client: required.methods(redis, 'eval', 'evalsha', 'info') },
  take: ({ client }) => redisStore(client),
})
holdToRules<{ database: PostgresDatabase }>({
  name: 'the database of postgresStore',
  isArguments: true,
  base: { database: pool },
  rules: {
    database: withBridges(required.methods(pool, 'query'), { ...bridge, queryIn: 5 }, { totalCount: 1, query: bridge.query, connect: 5 }),
  },
  take: ({ database }) => postgresStore(database),
})
holdToRules<{ database: MysqlDatabase }>({
  name: 'the database of mysqlStore',
  isArguments: true,
  base: { database: mysqlPool },
  rules: { database: withBridges(required.methods(mysqlPool, 'query', 'getConnection'), { ...bridge, transaction: null }) },
  take: ({ database }) => mysqlStore(database),
})
holdToRules<{ database: SqliteDatabase }>({
  name: 'the database of sqliteStore',
  isArguments: true,
  base: { database: handle },
  rules: {
    database: { good: [handle, open], fits: (value) => typeof value === 'function' || sqliteHandle.fits(value) },
  },
  take: ({ database }) => sqliteStore(database),
})

holdToRules<{ opened: SqliteHandle }>({
  name: 'what opens the database of sqliteStore',
  isArguments: true,
  base: { opened: handle },
  rules: { opened: { ...sqliteHandle, name: 'database' } },
  triesGood: false,
  take: ({ opened }) => sqliteStore(() => opened).check(() => undefined),
})

holdToRules<SweepOptions>({
  name: 'openSweep',
  base: { batch: async () => false },
  rules: {
    batch: required.function(),
    // As it is called where users meet it.
    everyMs: { ...rules.wholeNumber(1), name: 'sweepEveryMs' },
    mostBatches: rules.wholeNumber(1),
    onFailed: rules.function(),
    clock: rules.clock(),
    random: rules.random(),
  },
  take: (options) => openSweep(options),
})

holdToRules<{ readonly clock?: Clock; readonly random?: Random }>({
  name: 'openRuntime',
  base: { clock: systemClock, random: systemRandom },
  rules: { clock: rules.clock(), random: rules.random() },
  take: (options) => openRuntime(options),
})

/** A bridge is taken as well, but not what looks like one and lacks a part. */
function withBridges(rule: Rule, ...broken: readonly object[]): Rule {
  const isBroken = (value: unknown): boolean => broken.includes(value as object)
  return { good: [...rule.good, bridge], fits: (value) => value === bridge || (!isBroken(value) && rule.fits(value)) }
}
