import { randomUUID } from 'node:crypto'
import { createPool } from 'mysql2/promise'
import { describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import { storeSuite, transactionalStoreSuite } from 'hapax/testing'
import { mysqlUrl } from '../../services/places.js'
import { claimed, freshName, long, makeTables } from './mysql-table.js'
import type { Pool, PoolConnection, PoolOptions, RowDataPacket } from 'mysql2/promise'
import type { MysqlStoreOptions } from 'hapax/stores/mysql'
import type { Proxy } from '../../services/proxy.js'

const { table, rows, pool, has, forget, one, isMariadb, withTable, openPool } = makeTables()
const store = mysqlStore(pool, { table })

interface Setting {
  readonly pool?: PoolOptions
  readonly session?: string
  readonly store?: MysqlStoreOptions
}

const settings: Record<string, Setting> = {
  'a pool as it comes': {},
  'a pool that reads everything in its own way': {
    pool: {
      flags: ['-FOUND_ROWS'],
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      typeCast: false,
      namedPlaceholders: true,
      charset: 'latin1',
    },
    session: `set session time_zone = '+05:45', sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE'`,
    store: { idleLimitMs: 60_000 },
  },
  'a pool that is serializable': {
    session: 'set session transaction isolation level serializable',
  },
}

for (const [name, setting] of Object.entries(settings)) {
  const proxies = new WeakMap<object, Proxy>()
  const open = async () => {
    const opened = await openPool(setting.pool)
    const { session } = setting
    if (session) opened.pool.on('connection', (connection) => void connection.query(session))
    const handle = mysqlStore(opened.pool, { table, ...setting.store })
    proxies.set(handle, opened.proxy)
    return { store: handle, close: opened.close }
  }
  const suites = {
    'claims by lease': storeSuite({
      open,
      openUnreachable() {
        const own = createPool('mysql://root@127.0.0.1:1/test')
        return { store: mysqlStore(own, { table }), close: () => own.end() }
      },
      forget,
    }),
    'claims in transactions': transactionalStoreSuite<PoolConnection>({
      open,
      write: async (tx, row) => void (await tx.query(`insert into ${rows} values (?)`, [row])),
      has,
      conflict: () => Object.assign(new Error('Deadlock found when trying to get lock'), { code: 'ER_LOCK_DEADLOCK', errno: 1213 }),
      async loseNextCommit(handle) {
        // What a store asks of the server first holds the word, too.
        await handle.check(() => undefined)
        proxies.get(handle)?.cutAt('after', 'commit')
      },
      sweeping: {
        async open() {
          const opened = await openPool(setting.pool)
          return { store: mysqlStore(opened.pool, { table, ...setting.store, sweepEveryMs: 1 }), close: opened.close }
        },
        keeps: async (record) => (await one(`select count(*) from ${table} where record = ?`, [Buffer.from(record)])) === 1,
      },
    }),
  }
  describe(name, () => {
    for (const [part, suite] of Object.entries(suites)) {
      describe(part, () => {
        for (const each of suite) test(each.name, each.run)
      })
    }
  })
}

const refusal = (option: string) => (error: unknown) => hasCode(error, 'configuration') && (error as { option?: string }).option === option

describe('the table', () => {
  test('can be read by people', async () => {
    const readable = async () => {
      const [[row]] = await pool.query<RowDataPacket[]>(
        `select state, token, attempts, lapses, cast(nonce as char) as nonce, memory_ms, over_ms - until_ms as kept,
           cast(round(until_ms / 1000 - unix_timestamp()) as signed) as seconds
         from ${table} where convert(record using utf8mb4) = 'readable:é'`,
      )
      const { seconds, ...rest } = row ?? expect.fail('no row')
      return { ...rest, seconds: Math.round(Number(seconds) / 10) * 10 }
    }
    const result = await store.claim('readable:é', { nonce: 'a nonce', ...long })
    if (result.status !== 'claimed') throw new Error(result.status)
    const { claim } = result
    const counted = { token: claim.token, attempts: 0, lapses: 0, nonce: 'a nonce', memory_ms: 600_000, kept: 600_000 }
    expect(await readable()).toEqual({ state: 0, ...counted, seconds: 60 })
    expect(Math.abs(claim.token / 1_000 - Date.now())).toBeLessThan(60_000)
    await store.renew(claim, 120_000)
    expect(await readable()).toEqual({ state: 0, ...counted, seconds: 120 })
    await store.release(claim, { attempts: 2, lapses: 1, restMs: 30_000 })
    expect(await readable()).toEqual({ state: 2, ...counted, attempts: 2, lapses: 1, seconds: 30 })
    await store.complete(claim, 90_000)
    expect(await readable()).toEqual({ state: 1, ...counted, nonce: '', memory_ms: 0, kept: 0, seconds: 90 })
  })

  test('is made once, by however many begin at the same time', async () => {
    for (let round = 0; round < 3; round += 1) {
      const name = freshName()
      const made = mysqlStore(pool, { table: name })
      try {
        await Promise.all(Array.from({ length: 10 }, () => made.applySchema()))
        await made.check(expect.fail)
        await claimed(made, 'kept')
        await made.applySchema()
        expect(await made.claim('kept', { nonce: 'another', ...long })).toMatchObject({ status: 'busy' })
      } finally {
        await pool.query(`drop table if exists ${name}, ${name}_slots`)
      }
    }
  })

  test('is made by the text of createTable, too', async () => {
    const name = freshName()
    const made = mysqlStore(pool, { table: name })
    const script = createPool({ uri: mysqlUrl, multipleStatements: true })
    try {
      await script.query(made.createTable)
      await script.query(made.createTable)
      await made.check(expect.fail)
    } finally {
      await script.query(`drop table if exists ${name}, ${name}_slots`)
      await script.end()
    }
  })

  test('may be in a database of its own, and keeps away from another table and its locks', async () => {
    const schema = freshName()
    await pool.query(`create database ${schema}`)
    try {
      const there = mysqlStore(pool, { table, schema })
      await expect(there.check(expect.fail)).rejects.toSatisfy(refusal('table'))
      await there.applySchema()
      await there.check(expect.fail)
      await store.transaction(async (tx) => {
        await store.claimIn(tx, 'in both', { windowMs: 60_000 })
        // A transaction of one store is as good for another store.
        expect(await there.claimIn(tx, 'in the other', { windowMs: 60_000 })).toEqual({ status: 'claimed' })
        expect(await there.complete(await claimed(there, 'in both'), 60_000)).toBe(true)
        expect(await there.claim('in the other', { nonce: 'another', ...long })).toEqual({ status: 'busy', retryInMs: 60_000 })
      })
      expect(await there.claim('in the other', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
      await there.sweep()
    } finally {
      await pool.query(`drop database ${schema}`)
    }
  })

  test('that is missing is refused, with the statements that make it', async () => {
    const missing = mysqlStore(pool, { table: 'hapax_not_there' })
    const checked = missing.check(expect.fail)
    await expect(checked).rejects.toSatisfy(refusal('table'))
    await expect(checked).rejects.toThrow('create table if not exists `hapax_not_there` (')
    await expect(claimed(missing, 'a')).rejects.toThrow("doesn't exist")
  })

  test('that could not hold the promises is refused', async () => {
    const refusedWith = async (change: (name: string) => string, message: string) =>
      withTable(async (name) => {
        await pool.query(change(name))
        const checked = mysqlStore(pool, { table: name }).check(expect.fail)
        await expect(checked).rejects.toSatisfy(refusal('table'))
        await expect(checked).rejects.toThrow(message)
      })
    await refusedWith((name) => `alter table ${name} modify record varchar(191) not null`, 'record must be varbinary, and is varchar')
    await refusedWith((name) => `alter table ${name} modify record varbinary(100) not null`, 'no record varbinary(255)')
    await refusedWith((name) => `alter table ${name} drop primary key`, 'alone is its primary key')
    await refusedWith((name) => `alter table ${name} drop column over_ms`, 'over_ms must be bigint, and is missing')
    await refusedWith((name) => `alter table ${name} engine = MyISAM`, 'has no transactions (engine MyISAM)')
    if (!(await isMariadb())) {
      await refusedWith((name) => `delete from ${name}_slots where slot = 7`, 'is not full')
      await refusedWith((name) => `drop table ${name}_slots`, 'A table of the store is missing')
    }
  })

  test('that may not be written is refused', async () => {
    const readOnly = createPool(mysqlUrl)
    readOnly.on('connection', (connection) => void connection.query('set session transaction read only'))
    try {
      await expect(mysqlStore(readOnly, { table }).check(expect.fail)).rejects.toSatisfy(refusal('database'))
      await expect(claimed(mysqlStore(readOnly, { table }), 'read-only')).rejects.toThrow('READ ONLY')
    } finally {
      await readOnly.end()
    }

    const user = freshName()
    await pool.query(`create user ${user}@'%' identified by ?`, [user])
    await pool.query(`grant select, insert, update on ${table} to ${user}@'%'`)
    if (!(await isMariadb())) await pool.query(`grant select on ${table}_slots to ${user}@'%'`)
    const url = new URL(mysqlUrl)
    url.username = user
    url.password = user
    const limited = createPool(url.href)
    try {
      await expect(mysqlStore(limited, { table }).check(expect.fail)).rejects.toThrow('grant it SELECT, INSERT, UPDATE and DELETE')
    } finally {
      await limited.end()
      await pool.query(`drop user ${user}@'%'`)
    }
  })

  test('is not used over connections that commit nothing, or read what is not committed', async () => {
    const mistaken = { autocommit: 'set session autocommit = 0', isolation: 'set session transaction isolation level read uncommitted' }
    for (const [name, statement] of Object.entries(mistaken)) {
      // MariaDB answers from the statement that writes, and reads nothing afterwards.
      if (name === 'isolation' && (await isMariadb())) continue
      const own = createPool(mysqlUrl)
      own.on('connection', (connection) => void connection.query(statement))
      try {
        await expect(mysqlStore(own, { table }).check(expect.fail)).rejects.toSatisfy(refusal('database'))
        await expect(claimed(mysqlStore(own, { table }), `mistaken-${name}`)).rejects.toSatisfy(refusal('database'))
      } finally {
        await own.end()
      }
    }
  })

  test('is named by letters, digits and underscores', () => {
    for (const name of ['', 'a b', 'a`b', 'a.b', '1a', 'ä', 'a'.repeat(49), "a'; drop table orders; -- "]) {
      expect(() => mysqlStore(pool, { table: name })).toThrow(expect.toSatisfy(refusal('table')))
      expect(() => mysqlStore(pool, { schema: name })).toThrow(expect.toSatisfy(refusal('schema')))
    }
  })
})

test('nonsense is refused by name', () => {
  const refused = (make: () => unknown, option: string) => expect(make).toThrow(expect.toSatisfy(refusal(option)))
  refused(() => mysqlStore({} as Pool), 'database')
  refused(() => mysqlStore({ query: pool.query } as unknown as Pool), 'database')
  refused(() => mysqlStore(pool.pool as unknown as Pool), 'database')
  refused(() => mysqlStore(pool, { idleLimitMs: 0 }), 'idleLimitMs')
  refused(() => mysqlStore(pool, { sweepEveryMs: 0 }), 'sweepEveryMs')
})

describe('the sweep', () => {
  test('removes what is over, and nothing else', async () => {
    await withTable(async (own) => {
      const swept = mysqlStore(pool, { table: own, onSweepFailed: (error) => expect.fail(String(error)) })
      const gone = Array.from({ length: 2_500 }, (_, index) => `gone-${index}`)
      await Promise.all(gone.map((record) => swept.claim(record, { nonce: 'nonce', leaseMs: 1, memoryMs: 1 })))
      const consuming = await claimed(swept, 'consuming')
      await swept.release(await claimed(swept, 'released'), { attempts: 1, lapses: 0, restMs: 0 })
      await swept.complete(await claimed(swept, 'consumed'), 60_000)
      await swept.claim('lapsed', { nonce: 'nonce', leaseMs: 1, memoryMs: 60_000 })
      await pool.query('select sleep(1.05)')
      await swept.transaction(async (tx) => {
        // It is over, and somebody is at work on it.
        expect(await swept.claimIn(tx, 'gone-7', { windowMs: 60_000 })).toEqual({ status: 'claimed' })
        await swept.sweep()
      })
      const [left] = await pool.query<RowDataPacket[]>(`select convert(record using utf8mb4) as record from ${own} order by 1`)
      expect(left.map(({ record }) => record as string)).toEqual(['consumed', 'consuming', 'gone-7', 'lapsed', 'released'])
      expect(await swept.renew(consuming, 60_000)).toBe(true)
      expect(await swept.claim('gone-7', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
    })
  })

  test('goes on beside claims, without an error or a claim lost', async () => {
    await withTable(async (own) => {
      const failures: unknown[] = []
      const live = mysqlStore(pool, { table: own, sweepEveryMs: 1, onSweepFailed: (error) => failures.push(error) })
      let ended = false
      const sweeping = (async () => {
        while (!ended) await live.sweep()
      })()
      // Records end and are claimed again all the time, so that the sweep and the claims meet at the same rows.
      try {
        await Promise.all(
          Array.from({ length: 8 }, async (_, worker) => {
            for (let turn = 0; turn < 60; turn += 1) {
              const record = `live-${turn % 5}-${worker % 2}`
              const result = await live.claim(record, { nonce: randomUUID(), leaseMs: 3, memoryMs: 1 })
              if (result.status === 'claimed') await live.complete(result.claim, 1).catch(expectConflict)
              const mine = await claimed(live, `kept-${worker}-${turn}`)
              expect(await live.complete(mine, 60_000)).toBe(true)
            }
          }),
        )
      } finally {
        ended = true
        await sweeping
      }
      expect(failures).toEqual([])
      const kept = await one(`select count(*) from ${own} where state = 1 and nonce = '' and convert(record using utf8mb4) like 'kept-%'`)
      expect(kept).toBe(480)
    })
  })

  test('that fails is told, and keeps nobody from claiming', async () => {
    const failures: unknown[] = []
    const missing = mysqlStore(pool, { table: 'hapax_not_there', onSweepFailed: (error) => failures.push(error) })
    await missing.sweep()
    expect(failures).toHaveLength(1)
    expect(String(failures[0])).toContain("doesn't exist")
  })
})

function expectConflict(error: unknown): void {
  if (!hasCode(error, 'transaction-conflict')) throw error
}
