import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import { storeSuite, transactionalStoreSuite } from 'hapax/testing'
import { postgresUrl } from '../../services/places.js'
import { claimed, conflict, fill, long, makeTables } from './postgres-table.js'
import type { PoolClient, PoolConfig } from 'pg'
import type { PostgresStoreOptions } from 'hapax/stores/postgres'
import type { Proxy } from '../../services/proxy.js'

const { table, rows, pool, has, forget, openPool } = makeTables()
const store = postgresStore(pool, { table })

const settings: Record<string, { readonly pool?: PoolConfig; readonly store?: PostgresStoreOptions; readonly large?: true }> = {
  'a pool as it comes': {},
  'a pool that is serializable, prepares nothing, and ends what idles': {
    pool: { options: '-c default_transaction_isolation=serializable' },
    store: { prepare: false, idleLimitMs: 60_000 },
  },
  // In the same table, so that it comes last.
  'a table that is large, in which claims read first': { large: true },
}

for (const [name, setting] of Object.entries(settings)) {
  const proxies = new WeakMap<object, Proxy>()
  const open = async () => {
    const opened = await openPool(setting.pool)
    const handle = postgresStore(opened.pool, { table, ...setting.store })
    proxies.set(handle, opened.proxy)
    return { store: handle, close: opened.close }
  }
  const suites = {
    'claims by lease': storeSuite({
      open,
      openUnreachable() {
        const own = new Pool({ host: '127.0.0.1', port: 1 })
        return { store: postgresStore(own, { table }), close: () => own.end() }
      },
      forget,
    }),
    'claims in transactions': transactionalStoreSuite<PoolClient>({
      open,
      write: async (tx, row) => void (await tx.query(`insert into ${rows} values ($1)`, [row])),
      has,
      conflict,
      loseNextCommit: async (handle) => proxies.get(handle)?.cutAt('after', 'commit'),
      sweeping: {
        async open() {
          const opened = await openPool(setting.pool)
          return { store: postgresStore(opened.pool, { table, ...setting.store, sweepEveryMs: 1 }), close: opened.close }
        },
        keeps: async (record) => (await pool.query(`select from ${table} where record = $1`, [Buffer.from(record)])).rowCount === 1,
      },
    }),
  }
  describe(name, () => {
    if (setting.large) beforeAll(() => fill(pool, table))
    for (const [part, suite] of Object.entries(suites)) {
      describe(part, () => {
        for (const each of suite) test(each.name, each.run)
      })
    }
  })
}

describe('the table', () => {
  const fresh = (): string => `hapax_test_${randomUUID().slice(0, 8)}`
  const refusal = (option: string) => (error: unknown) =>
    hasCode(error, 'configuration') && (error as { option?: string }).option === option
  const withTable = async (statement: string, look: (name: string) => Promise<void>) => {
    const name = fresh()
    await pool.query(statement.replaceAll('TABLE', name))
    try {
      await look(name)
    } finally {
      await pool.query(`drop table ${name}`)
    }
  }

  test('can be read by people', async () => {
    const readable = async () => {
      const { rows: found } = await pool.query<Record<string, unknown>>(
        `select state, token::float8, attempts, lapses, nonce, memory_ms::float8, over_ms - until_ms as kept,
           round((until_ms / 1e3 - extract(epoch from clock_timestamp())))::int as seconds
         from ${table} where convert_from(record, 'UTF8') = 'readable:é'`,
      )
      return found[0]
    }
    const result = await store.claim('readable:é', { nonce: 'a nonce', ...long })
    if (result.status !== 'claimed') throw new Error(result.status)
    const { claim } = result
    const counted = { token: claim.token, attempts: 0, lapses: 0, nonce: 'a nonce', memory_ms: 600_000, kept: '600000' }
    expect(await readable()).toEqual({ state: 0, ...counted, seconds: 60 })
    expect(Math.abs(claim.token / 1_000 - Date.now())).toBeLessThan(60_000)
    await store.renew(claim, 120_000)
    expect(await readable()).toEqual({ state: 0, ...counted, seconds: 120 })
    await store.release(claim, { attempts: 2, lapses: 1, restMs: 30_000 })
    expect(await readable()).toEqual({ state: 2, ...counted, attempts: 2, lapses: 1, seconds: 30 })
    await store.complete(claim, 90_000)
    expect(await readable()).toEqual({ state: 1, ...counted, nonce: '', memory_ms: 0, kept: '0', seconds: 90 })
  })

  test('is made once, by however many begin at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const made = postgresStore(pool, { table: fresh() })
      const name = /"(\w+)"/.exec(made.createTable)?.[1] ?? ''
      try {
        await Promise.all(Array.from({ length: 10 }, () => made.applySchema()))
        await made.check(expect.fail)
        await claimed(made, 'kept')
        await made.applySchema()
        expect(await made.claim('kept', { nonce: 'another', ...long })).toMatchObject({ status: 'busy' })
      } finally {
        await pool.query(`drop table if exists ${name}`)
      }
    }
  })

  test('may be in a schema of its own, and keeps away from another table and its locks', async () => {
    const schema = fresh()
    await pool.query(`create schema ${schema}`)
    try {
      const there = postgresStore(pool, { table, schema })
      await expect(there.check(expect.fail)).rejects.toSatisfy(refusal('table'))
      await there.applySchema()
      await there.check(expect.fail)
      await store.transaction(async (tx) => {
        await store.claimIn(tx, 'in both', { windowMs: 60_000 })
        // One transaction of one store is as good for another store.
        expect(await there.claimIn(tx, 'in the other', { windowMs: 60_000 })).toEqual({ status: 'claimed' })
        expect(await there.complete(await claimed(there, 'in both'), 60_000)).toBe(true)
      })
      expect(await there.claim('in the other', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
    } finally {
      await pool.query(`drop schema ${schema} cascade`)
    }
  })

  test('that is missing is refused, with the statement that makes it', async () => {
    const missing = postgresStore(pool, { table: 'hapax_not_there' })
    const checked = missing.check(expect.fail)
    await expect(checked).rejects.toSatisfy(refusal('table'))
    await expect(checked).rejects.toThrow('create table if not exists "hapax_not_there" (')
    await expect(claimed(missing, 'a')).rejects.toThrow('does not exist')
  })

  test('of other columns, or without its key, is refused', async () => {
    await withTable('create table TABLE (record text primary key, token bigint)', async (name) => {
      const checked = postgresStore(pool, { table: name }).check(expect.fail)
      await expect(checked).rejects.toSatisfy(refusal('table'))
      await expect(checked).rejects.toThrow('until_ms must be bigint, and is missing')
      await expect(checked).rejects.toThrow('record must be bytea, and is text')
    })
    await withTable(`create table TABLE as table ${table} with no data`, async (name) => {
      await expect(postgresStore(pool, { table: name }).check(expect.fail)).rejects.toThrow('no primary key on record')
    })
  })

  test('that may not be written is refused', async () => {
    const readOnly = new Pool({ connectionString: postgresUrl, options: '-c default_transaction_read_only=on' })
    const checked = postgresStore(readOnly, { table }).check(expect.fail)
    await expect(checked).rejects.toSatisfy(refusal('database'))
    await expect(claimed(postgresStore(readOnly, { table }), 'read-only')).rejects.toThrow('read-only transaction')
    await readOnly.end()

    const role = fresh()
    await pool.query(`create role ${role} login; grant select, insert on ${table} to ${role}; revoke create on schema public from ${role}`)
    const url = new URL(postgresUrl)
    url.username = role
    const limited = new Pool({ connectionString: url.href })
    try {
      const refused = postgresStore(limited, { table })
      await expect(refused.check(expect.fail)).rejects.toThrow('grant UPDATE, DELETE')
      // The table is there, so nothing has to be made, which this role may not.
      await refused.applySchema()
    } finally {
      await limited.end()
      await pool.query(`drop owned by ${role}; drop role ${role}`)
    }
  })
})

describe('the sweep', () => {
  test('removes what is over, and nothing else', async () => {
    const own = `${table}_swept`
    await pool.query(`create table ${own} (like ${table} including all)`)
    try {
      const swept = postgresStore(pool, { table: own, onSweepFailed: (error) => expect.fail(String(error)) })
      const short = { leaseMs: 1, memoryMs: 1 }
      const gone = Array.from({ length: 2_500 }, (_, index) => `gone-${index}`)
      await Promise.all(gone.map((record) => swept.claim(record, { nonce: 'nonce', ...short })))
      const consuming = await claimed(swept, 'consuming')
      await swept.release(await claimed(swept, 'released'), { attempts: 1, lapses: 0, restMs: 0 })
      await swept.complete(await claimed(swept, 'consumed'), 60_000)
      await swept.claim('lapsed', { nonce: 'nonce', leaseMs: 1, memoryMs: 60_000 })
      await pool.query('select pg_sleep(0.05)')
      await swept.transaction(async (tx) => {
        // It is over, and somebody is at work on it.
        expect(await swept.claimIn(tx, 'gone-7', { windowMs: 60_000 })).toEqual({ status: 'claimed' })
        await swept.sweep()
      })
      const { rows: left } = await pool.query(`select convert_from(record, 'UTF8') as record from ${own} order by 1`)
      expect(left.map(({ record }: { record?: string }) => record)).toEqual(['consumed', 'consuming', 'gone-7', 'lapsed', 'released'])
      expect(await swept.renew(consuming, 60_000)).toBe(true)
      expect(await swept.claim('gone-7', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
    } finally {
      await pool.query(`drop table ${own}`)
    }
  })

  test('goes on beside claims, without an error or a claim lost', async () => {
    const own = `${table}_beside`
    await pool.query(`create table ${own} (like ${table} including all)`)
    const failures: unknown[] = []
    try {
      const live = postgresStore(pool, { table: own, sweepEveryMs: 1, onSweepFailed: (error) => failures.push(error) })
      let ended = false
      const sweeping = (async () => {
        while (!ended) await live.sweep()
      })()
      // Records end and are claimed again all the time, so that the sweep and the claims meet at the same rows.
      await Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          for (let turn = 0; turn < 60; turn += 1) {
            const record = `live-${turn % 5}-${worker % 2}`
            const result = await live.claim(record, { nonce: randomUUID(), leaseMs: 3, memoryMs: 1 })
            if (result.status === 'claimed') await live.complete(result.claim, 1)
            const mine = await claimed(live, `kept-${worker}-${turn}`)
            expect(await live.complete(mine, 60_000)).toBe(true)
          }
        }),
      ).finally(() => (ended = true))
      await sweeping
      expect(failures).toEqual([])
      const { rows: kept } = await pool.query(
        `select count(*)::int as kept from ${own} where state = 1 and over_ms > until_ms - 1 and nonce = '' and convert_from(record, 'UTF8') like 'kept-%'`,
      )
      expect(kept).toEqual([{ kept: 480 }])
    } finally {
      await pool.query(`drop table ${own}`)
    }
  })

  test('that fails is told, and keeps nobody from claiming', async () => {
    const failures: unknown[] = []
    const missing = postgresStore(pool, { table: 'hapax_not_there', onSweepFailed: (error) => failures.push(error) })
    await missing.sweep()
    expect(failures).toHaveLength(1)
    expect(String(failures[0])).toContain('does not exist')
  })
})

describe('prepared statements', () => {
  test('that a connection has lost are prepared again, and given up when they get lost again and again', async () => {
    const own = new Pool({ connectionString: postgresUrl, max: 1 })
    const losing = postgresStore(own, { table })
    try {
      const prepared = async () => (await own.query<{ name: string }>('select name from pg_prepared_statements')).rows.length
      for (let round = 0; round < 6; round += 1) {
        const record = `discarded-${round}`
        const claim = await claimed(losing, record)
        expect(await losing.renew(claim, 60_000)).toBe(true)
        if (round < 3) expect(await prepared()).toBeGreaterThan(0)
        await own.query('discard all')
        expect(await losing.renew(claim, 60_000)).toBe(true)
        expect(await losing.complete(claim, 60_000)).toBe(true)
      }
      expect(await prepared()).toBe(0)
    } finally {
      await own.end()
    }
  })

  test('lost inside of a transaction have it run again', async () => {
    const own = new Pool({ connectionString: postgresUrl, max: 1 })
    const losing = postgresStore(own, { table })
    try {
      const consume = (record: string) => losing.transaction((tx) => losing.claimIn(tx, record, { windowMs: 60_000 }))
      expect(await consume('prepared-1')).toEqual({ status: 'claimed' })
      await own.query('discard all')
      await expect(consume('prepared-2')).rejects.toSatisfy((error) => hasCode(error, 'transaction-conflict'))
      expect(await consume('prepared-2')).toEqual({ status: 'claimed' })
    } finally {
      await own.end()
    }
  })
})
