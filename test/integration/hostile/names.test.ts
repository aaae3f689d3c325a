import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mysqlOutbox, mysqlStore } from 'hapax/stores/mysql'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { redisStore } from 'hapax/stores/redis'
import { memoryBroker } from 'hapax/transports/memory'
import { mysqlUrl, postgresUrl, redisUrl } from '../../services/places.js'
import { claimed, long } from '../stores/table.js'
import { until } from '../transports/kafka-lab.js'
import { anyName, hostileNames, unlessRefused } from './names.js'
import type { RowDataPacket } from 'mysql2/promise'
import type { Outbox, TransactionalStore } from 'hapax'

/** A place in a database that is all the test's own. */
const own = `hapax_names_${randomUUID().replaceAll('-', '').slice(0, 12)}`
/** Names that are refused by nobody. */
const goodNames = ['select', 'Select', 'user', '_', 'x'.repeat(48)]

interface Database {
  begin(): Promise<void>
  end(): Promise<void>
  /** All tables there. */
  tables(): Promise<readonly string[]>
  drop(table: string): Promise<void>
  canaries(): Promise<number>
  store(table: string, schema?: string): TransactionalStore<never> & { applySchema(): Promise<void> }
  outbox(table: string): Outbox<never> & { applySchema(): Promise<void> }
}

function postgres(): Database {
  const pool = new Pool({ connectionString: postgresUrl })
  return {
    async begin() {
      await pool.query(`create schema ${own}`)
      await pool.query(`create table ${own}.canary as select 1 as song`)
    },
    async end() {
      await pool.query(`drop schema ${own} cascade`)
      await pool.end()
    },
    tables: async () =>
      (await pool.query<{ readonly name: string }>('select tablename::text as name from pg_tables where schemaname = $1', [own])).rows.map(
        ({ name }) => name,
      ),
    drop: async (table) => void (await pool.query(`drop table ${own}."${table}"`)),
    canaries: async () => (await pool.query(`select song from ${own}.canary`)).rowCount ?? 0,
    store: (table, schema = own) => postgresStore(pool, { table, schema }) as never,
    outbox: (table) => postgresOutbox(pool, { table, schema: own }),
  }
}

function mariadb(): Database {
  const pool = createPool(mysqlUrl)
  const rowsOf = async (text: string): Promise<readonly RowDataPacket[]> => (await pool.query<RowDataPacket[]>(text))[0]
  return {
    async begin() {
      await pool.query(`create database ${own}`)
      await pool.query(`create table ${own}.canary as select 1 as song`)
    },
    async end() {
      await pool.query(`drop database ${own}`)
      await pool.end()
    },
    tables: async () =>
      (await rowsOf(`select table_name as name from information_schema.tables where table_schema = '${own}'`)).map(({ name }) =>
        String(name),
      ),
    drop: async (table) => void (await pool.query(`drop table ${own}.\`${table}\``)),
    canaries: async () => (await rowsOf(`select song from ${own}.canary`)).length,
    store: (table, schema = own) => mysqlStore(pool, { table, schema }) as never,
    outbox: (table) => mysqlOutbox(pool, { table, schema: own }),
  }
}

describe.each([
  ['PostgreSQL', postgres()],
  ['MariaDB', mariadb()],
])('%s', (_, database) => {
  beforeAll(() => database.begin())
  afterAll(() => database.end())

  const useTable = async (name: string): Promise<void> => {
    // It is the user's own table.
    if (name === 'canary') return
    const store = unlessRefused('table', () => database.store(name))
    if (!store) return
    await store.applySchema()
    expect(await database.tables()).toContain(name)
    await store.check(() => undefined)
    expect(await store.complete(await claimed(store, 'a record'), 60_000)).toBe(true)
    expect(await store.claim('a record', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
    for (const table of await database.tables()) if (table !== 'canary') await database.drop(table)
  }

  test('a table has exactly the name that was asked for, or the name is refused; others are left alone', async () => {
    for (const name of hostileNames) await useTable(name)
    await fc.assert(fc.asyncProperty(anyName, useTable), { numRuns: 60 })
    expect(await database.canaries()).toBe(1)
    expect(await database.tables()).toEqual(['canary'])
  })

  test("the user's own table is no table of records, whatever it is called", async () => {
    await expect(database.store('canary').check(() => undefined)).rejects.toMatchObject({ code: 'configuration', option: 'table' })
    expect(await database.canaries()).toBe(1)
  })

  test('a schema that is not there is no other one', async () => {
    for (const name of hostileNames) {
      const store = unlessRefused('schema', () => database.store('records', name))
      if (store && !['public', 'information_schema', 'mysql'].includes(name))
        await expect(store.claim('a record', { nonce: 'a nonce', ...long }), name).rejects.toThrow(
          /not exist|doesn't exist|Unknown database/i,
        )
    }
    expect(await database.tables()).toEqual(['canary'])
  })

  test('an outbox publishes from a table of any name that it takes, and is woken by it', async () => {
    for (const name of goodNames) {
      const outbox = database.outbox(name)
      await outbox.applySchema()
      const broker = memoryBroker()
      const relay = await outbox.relay(broker, { pollMs: 200 })
      try {
        const store = database.store('hapax_records')
        await store.transaction((tx) => outbox.send(tx, { destination: name, body: 'm' }))
        await until('it is published', async () => (await outbox.depth()).waiting === 0)
      } finally {
        await relay.stop()
      }
      expect((await database.tables()).filter((table) => table !== 'canary').toSorted()).toEqual([name, `${name}_lanes`].toSorted())
      await database.drop(name)
      await database.drop(`${name}_lanes`)
    }
    expect(await database.canaries()).toBe(1)
  })
})

describe('Redis', () => {
  const redis = new Redis(redisUrl)
  afterAll(() => redis.quit())

  test('keys begin with exactly the prefix that was asked for, or it is refused; no two prefixes meet', async () => {
    const generated = fc.sample(anyName, { numRuns: 150, seed: 1 })
    const prefixes = [...new Set([...hostileNames, ...generated])].map((name) => (name === '' ? '' : `${own}${name}`))
    await redis.set(own, 'canary', 'EX', 60)
    let taken = 0
    for (const prefix of prefixes) {
      const store = unlessRefused('prefix', () => redisStore(redis, { prefix }))
      expect(store === undefined, JSON.stringify(prefix)).toBe(prefix === '' || !prefix.isWellFormed())
      if (!store) continue
      taken += 1
      const result = await store.claim('a record', { nonce: 'a nonce', leaseMs: 10_000, memoryMs: 10_000 })
      expect(result.status, JSON.stringify(prefix)).toBe('claimed')
      expect(await redis.get(`${prefix}a record`)).toMatch(/^consuming /)
    }
    expect(await redis.get(own)).toBe('canary')
    const keys = await redis.keys(`${own}*a record`)
    expect(keys).toHaveLength(taken)
    await redis.del(own, ...keys)
  })
})
