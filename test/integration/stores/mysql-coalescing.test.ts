import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPool, escape } from 'mysql2/promise'
import { describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import { freePort } from '../../services/free-ports.js'
import { startMariadb } from '../../services/mariadb.js'
import { mysqlUrl } from '../../services/places.js'
import { claimed, long, makeTables } from './mysql-table.js'
import type { ClaimResult, Store } from 'hapax'
import type { MysqlPool } from 'hapax/stores/mysql'
import type { PoolOptions } from 'mysql2/promise'

const { table, pool, isMariadb } = makeTables()
const store = mysqlStore(pool, { table })
const window = { windowMs: 60_000 }

const names = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${prefix} ${index}`)
const claim = (from: Store, record: string): Promise<ClaimResult> => from.claim(record, { nonce: randomUUID(), ...long })
const isConflict = (error: unknown): boolean => hasCode(error, 'transaction-conflict')

/** The outcome of calls of one turn, counted by what they said. */
async function count(calls: readonly Promise<unknown>[]): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const settled of await Promise.allSettled(calls)) {
    const said = settled.status === 'rejected' ? (isConflict(settled.reason) ? 'conflict' : 'error') : statusOf(settled.value)
    counts[said] = (counts[said] ?? 0) + 1
  }
  return counts
}

function statusOf(value: unknown): string {
  return typeof value === 'object' && value !== null && 'status' in value ? String(value.status) : String(value)
}

async function withPool(options: PoolOptions, session: string | undefined, look: (own: Store) => Promise<void>): Promise<void> {
  const own = createPool({ uri: mysqlUrl, ...options })
  if (session) own.on('connection', (connection) => void connection.query(session))
  try {
    await look(mysqlStore(own, { table }))
  } finally {
    await own.end()
  }
}

describe('calls of one turn', () => {
  test('are told apart whatever is in their keys, and however the client fills in a text', async () => {
    const keys = ['a:b', ':nonce', '?', '??', "it's", '-- x', '/* x', '#', '`', '\\', '"', '$1'].map((key) => `filled in ${key}`)
    const fillsIn = (text: string, values: unknown): string => {
      if (!Array.isArray(values)) throw new Error('My own format takes a list')
      return values.reduce<string>((filled, value) => filled.replace('?', () => escape(value)), text)
    }
    for (const options of [{}, { namedPlaceholders: true }, { queryFormat: fillsIn }] as PoolOptions[]) {
      await withPool(options, undefined, async (own) => {
        const claims = await Promise.all(keys.map((key) => claimed(own, `${key} ${Object.keys(options).join()}`)))
        expect(new Set(claims.map(({ record }) => record)).size).toBe(keys.length)
        expect(await count(claims.map((each) => own.complete(each, 60_000)))).toEqual({ true: keys.length })
        expect(await count(claims.map(({ record }) => claim(own, record)))).toEqual({ duplicate: keys.length })
      })
    }
  })

  test('are one statement on MariaDB, each step by itself, and a call that is alone is one, too', async () => {
    if (!(await isMariadb())) return
    const sent: string[] = []
    const listening: MysqlPool = {
      query: (text, values) => (sent.push(`query ${text.slice(0, 3)}`), pool.query(text, values)),
      execute: (text, values) => (sent.push(`execute ${text.slice(0, 3)}`), pool.execute(text, values ?? [])),
      getConnection: () => pool.getConnection(),
    }
    const listened = mysqlStore(listening, { table })
    // The first step asks what the server is, and its traffic begins a sweep.
    await claim(listened, 'before')
    await listened.sweep()
    const during = async (look: () => Promise<unknown>): Promise<readonly string[]> => {
      sent.length = 0
      await look()
      return [...sent]
    }
    expect(await during(() => claim(listened, 'alone'))).toEqual(['execute set'])
    const claims = await Promise.all(names('joined', 100).map((name) => claimed(store, name)))
    const all = () =>
      Promise.all([
        ...names('another', 100).map((name) => claim(listened, name)),
        ...claims.slice(0, 40).map((each) => listened.renew(each, 60_000)),
        ...claims.slice(40, 70).map((each) => listened.complete(each, 60_000)),
        ...claims.slice(70).map((each) => listened.release(each, { attempts: 1, lapses: 0, restMs: 0 })),
      ])
    expect(await during(all)).toEqual(Array.from({ length: 4 }, () => 'query set'))
  })

  test('each get the answer to their own', async () => {
    const free = names('mixed, free', 40)
    const consumed = names('mixed, consumed', 40)
    const released = names('mixed, released', 40)
    const held = await Promise.all(names('mixed, held', 40).map((name) => claimed(store, name)))
    await Promise.all(consumed.map(async (name) => store.complete(await claimed(store, name), 60_000)))
    await Promise.all(
      released.map(async (name, index) => store.release(await claimed(store, name), { attempts: index, lapses: 2 * index, restMs: 0 })),
    )
    const records = [...free, ...consumed, ...released, ...held.map(({ record }) => record)].sort(() => Math.random() - 0.5)
    const results = new Map(
      await Promise.all(records.map(async (record): Promise<[string, ClaimResult]> => [record, await claim(store, record)])),
    )
    const answers = (of: readonly string[]) => of.map((record) => results.get(record))
    const counted = (attempts: number, lapses: number) => ({ status: 'claimed', claim: { attempts, lapses } })
    expect(answers(free)).toMatchObject(free.map((record) => ({ status: 'claimed', claim: { record, attempts: 0, lapses: 0 } })))
    expect(answers(consumed)).toEqual(consumed.map(() => ({ status: 'duplicate' })))
    expect(answers(released)).toMatchObject(released.map((_, index) => counted(index, 2 * index)))
    expect(answers(held.map(({ record }) => record))).toMatchObject(held.map(() => ({ status: 'busy' })))
    const fenced = held.map((each) => ({ ...each, token: each.token - 1 }))
    const renewed = await Promise.all([...fenced, ...held].map((each) => store.renew(each, 60_000)))
    expect(renewed).toEqual([...fenced.map(() => false), ...held.map(() => true)])
    const completed = await Promise.all([...fenced, ...held].map((each) => store.complete(each, 60_000)))
    expect(completed).toEqual([...fenced.map(() => false), ...held.map(() => true)])
  })

  test('for one record are done one after the other', async () => {
    const nonce = randomUUID()
    const same = await Promise.all(Array.from({ length: 5 }, () => store.claim('twice, same', { nonce, ...long })))
    expect(new Set(same.map((result) => JSON.stringify(result))).size).toBe(1)
    expect(same[0]).toMatchObject({ status: 'claimed' })
    expect(await count(Array.from({ length: 10 }, () => claim(store, 'twice')))).toEqual({ claimed: 1, busy: 9 })
    const mine = await claimed(store, 'twice, completed')
    expect(await count(Array.from({ length: 10 }, () => store.complete(mine, 60_000)))).toEqual({ true: 10 })
    const given = await claimed(store, 'twice, released')
    expect(await count(Array.from({ length: 3 }, () => store.release(given, { attempts: 0, lapses: 0, restMs: 0 })))).toEqual({
      true: 1,
      false: 2,
    })
  })

  test('fail by themselves where one of them cannot be done', async () => {
    const long = 'x'.repeat(256)
    expect(await count([...names('beside one too long', 60), long].map((record) => claim(store, record)))).toEqual({
      claimed: 60,
      error: 1,
    })
    const held = await Promise.all(names('beside one too large', 60).map((name) => claimed(store, name)))
    const releases = held.map((each, index) => store.release(each, { attempts: index === 20 ? 2 ** 40 : 1, lapses: 0, restMs: 0 }))
    expect(await count(releases)).toEqual({ true: 59, error: 1 })
    expect(await store.renew(held[20] ?? expect.fail(), 60_000)).toBe(true)
    const renewals = names('beside one that is no number', 60).map(async (name, index) =>
      store.renew(await claimed(store, name), index === 7 ? Number.NaN : 60_000),
    )
    expect(await count(renewals)).toEqual({ true: 59, error: 1 })
  })

  test('may be long', async () => {
    const nonces = names('long nonce', 100).map((name) => name.padEnd(1_000, '€'))
    const results = await Promise.all(nonces.map((nonce, index) => store.claim(`long nonce ${index}`, { nonce, ...long })))
    expect(results.every(({ status }) => status === 'claimed')).toBe(true)
    expect(await Promise.all(nonces.map((nonce, index) => store.claim(`long nonce ${index}`, { nonce, ...long })))).toEqual(results)
  })
})

describe('while a record is consumed in a transaction', () => {
  test('those beside it are claimed', async () => {
    await store.transaction(async (tx) => {
      expect(await store.claimIn(tx, 'beside 25', window)).toEqual({ status: 'claimed' })
      const results = await Promise.all(names('beside', 51).map(async (record) => ({ record, ...(await claim(store, record)) })))
      expect(results.filter(({ status }) => status !== 'claimed')).toEqual([{ record: 'beside 25', status: 'busy', retryInMs: 60_000 }])
    })
    expect(await count(names('beside', 51).map((record) => claim(store, record)))).toEqual({ busy: 50, duplicate: 1 })
  })

  test('those beside it are renewed, completed and released, and it can be tried again', async () => {
    const claims = await Promise.all(names('held', 153).map((name) => claimed(store, name)))
    const steps = claims.map((each, index) => () => {
      if (index % 3 === 0) return store.renew(each, 60_000)
      return index % 3 === 1 ? store.complete(each, 60_000) : store.release(each, { attempts: 1, lapses: 0, restMs: 0 })
    })
    const inTransactions = claims.slice(75, 78)
    await store.transaction(async (tx) => {
      for (const each of inTransactions)
        expect(await store.claimIn(tx, each.record, { ...window, claim: each })).toEqual({ status: 'claimed' })
      expect(await count(steps.map((step) => step()))).toEqual({ true: 150, conflict: 3 })
    })
    expect(await count(steps.slice(75, 78).map((step) => step()))).toEqual({ false: 3 })
  })
})

test('instances whose claims overlap, in any order, claim every key once', async () => {
  const count = 4
  const pools = Array.from({ length: count }, () => createPool({ uri: mysqlUrl, connectionLimit: 3 }))
  const stores = pools.map((each) => mysqlStore(each, { table }))
  try {
    for (let round = 0; round < 5; round += 1) {
      const records = names(`overlapping ${round}`, 300)
      const winners = new Map<string, number>()
      await Promise.all(
        stores.flatMap((each) => {
          const shuffled = [...records].sort(() => Math.random() - 0.5)
          return shuffled.map(async (record) => {
            const result = await claim(each, record)
            if (result.status !== 'claimed') return
            winners.set(record, (winners.get(record) ?? 0) + 1)
            expect(await each.renew(result.claim, 60_000)).toBe(true)
            expect(await each.complete(result.claim, 60_000)).toBe(true)
          })
        }),
      )
      expect([...winners.values()]).toEqual(records.map(() => 1))
    }
  } finally {
    await Promise.all(pools.map((each) => each.end()))
  }
})

describe('a pool', () => {
  test('of one connection is enough', async () => {
    await withPool({ connectionLimit: 1 }, undefined, async (own) => {
      const handled = names('one connection', 300).map(async (record) => own.complete(await claimed(own, record), 60_000))
      expect(await count(handled)).toEqual({ true: 300 })
    })
  })

  test('whose sessions cut what is too long, and assign in their own way, does neither to a record', async () => {
    if (!(await isMariadb())) return
    await withPool({}, `set sql_mode = 'SIMULTANEOUS_ASSIGNMENT'`, async (own) => {
      for (const size of [1, 3]) {
        const records = names(`mode, ${size}`, size)
        const first = await Promise.all(records.map((record) => own.claim(record, { nonce: 'one', leaseMs: 1, memoryMs: 60_000 })))
        await pool.query('select sleep(0.005)')
        const second = await Promise.all(records.map((record) => claimed(own, record)))
        for (const [index, { token, lapses }] of second.entries()) {
          const before = first[index]
          expect(before?.status === 'claimed' && token > before.claim.token).toBe(true)
          expect(lapses).toBe(1)
        }
        expect(await Promise.all(second.map((each) => own.release(each, { attempts: 3, lapses: 1, restMs: 0 })))).not.toContain(false)
        const third = await Promise.all(records.map((record) => claimed(own, record)))
        expect(third.map(({ attempts, lapses }) => [attempts, lapses])).toEqual(records.map(() => [3, 1]))
        expect(await Promise.all(third.map((each) => own.complete(each, 60_000)))).not.toContain(false)
        expect(await count([...records, `${size}`.repeat(256)].map((record) => claim(own, record)))).toEqual({ duplicate: size, error: 1 })
      }
    })
  })

  test('whose connections forget what was prepared goes on', async () => {
    const own = createPool({ uri: mysqlUrl, connectionLimit: 1 })
    try {
      const forgetful = mysqlStore(own, { table })
      for (const record of names('forgetful', 3)) {
        await claimed(forgetful, record)
        const connection = await own.getConnection()
        await connection.changeUser({})
        connection.release()
        const done = (): Promise<{ status: string }> =>
          forgetful.transaction((tx) => forgetful.claimIn(tx, `${record} in`, { windowMs: 60_000 }))
        expect(await done()).toEqual({ status: 'claimed' })
        expect(await done()).toEqual({ status: 'duplicate' })
      }
    } finally {
      await own.end()
    }
  })
})

test('a server that prepares nothing is asked by text', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hapax-mariadb-'))
  const port = await freePort()
  const server = await startMariadb({ port, dir, args: ['--max-prepared-stmt-count=0'] })
  const own = createPool(`mysql://root@127.0.0.1:${port}/test`)
  try {
    await expect(own.execute('select 1')).rejects.toThrow('max_prepared_stmt_count')
    const unprepared = mysqlStore(own)
    await unprepared.applySchema()
    await own.query('create table effects (name varchar(255) primary key)')
    // The first of them finds out, and its transaction goes on.
    for (const name of names('in a transaction', 3)) {
      const claimedIn = await unprepared.transaction(async (tx) => {
        await tx.query('insert into effects values (?)', [name])
        return unprepared.claimIn(tx, name, { windowMs: 60_000 })
      })
      expect(claimedIn).toEqual({ status: 'claimed' })
    }
    expect(await own.query('select count(*) as effects from effects')).toMatchObject([[{ effects: 3 }], {}])
    for (const name of names('unprepared', 3)) expect(await unprepared.complete(await claimed(unprepared, name), 60_000)).toBe(true)
  } finally {
    await own.end()
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
})
