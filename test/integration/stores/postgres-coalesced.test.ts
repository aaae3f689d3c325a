import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import { postgresUrl } from '../../services/places.js'
import { claimed, fill, long, makeTables } from './postgres-table.js'
import type { Claim, ClaimResult } from 'hapax'
import type { PoolConfig } from 'pg'

const { table, pool } = makeTables()
const store = postgresStore(pool, { table })
const window = { windowMs: 600_000 }
const nothing = { attempts: 0, lapses: 0, restMs: 0 }
const pools: Pool[] = []
afterAll(async () => {
  for (const each of pools) await each.end()
})

/** A store that keeps what was sent through it, and what the server refused. */
function openWatched(config: PoolConfig = {}) {
  const own = new Pool({ connectionString: postgresUrl, ...config })
  pools.push(own)
  const sent: string[] = []
  const refused: string[] = []
  const query = async (text: string, values: (string | number)[]) => {
    sent.push(text)
    try {
      return await own.query(text, values)
    } catch (error) {
      refused.push(String((error as { code?: string }).code))
      throw error
    }
  }
  return { store: postgresStore({ query }, { table }), sent, refused }
}

const claim = (record: string, nonce: string = randomUUID()): Promise<ClaimResult> => store.claim(record, { nonce, ...long })
const names = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
const conflict = (error: unknown): boolean => hasCode(error, 'transaction-conflict')

/** The same members in an order that differs from process to process. */
function shuffled<Member>(members: readonly Member[]): readonly Member[] {
  const order = members.map((member) => ({ member, at: Math.random() }))
  return order.sort((one, other) => one.at - other.at).map(({ member }) => member)
}

describe('calls of one turn', () => {
  test('become one statement for each step, and one that is alone is one, too', async () => {
    const { store: watched, sent } = openWatched()
    for (const count of [1, 50]) {
      const before = sent.length
      const claims = await Promise.all(names(`turn-${count}`, count).map((record) => claimed(watched, record)))
      expect(new Set(claims.map(({ record }) => record)).size).toBe(count)
      expect(sent.length - before).toBe(1)
      expect(await Promise.all(claims.map((each) => watched.renew(each, 60_000)))).toEqual(claims.map(() => true))
      expect(sent.length - before).toBe(2)
      expect(await Promise.all(claims.map((each) => watched.release(each, { attempts: 1, lapses: 2, restMs: 0 })))).toEqual(
        claims.map(() => true),
      )
      expect(sent.length - before).toBe(3)
      const again = await Promise.all(claims.map(({ record }) => claimed(watched, record)))
      for (const [index, { record, token, attempts, lapses }] of again.entries()) {
        expect([record, attempts, lapses]).toEqual([claims[index]?.record, 1, 2])
        expect(token).toBeGreaterThan(claims[index]?.token ?? Infinity)
      }
      expect(await Promise.all(again.map((each) => watched.complete(each, 60_000)))).toEqual(claims.map(() => true))
      const late = await Promise.all(claims.map((each) => watched.complete(each, 60_000)))
      expect(late).toEqual(claims.map(() => false))
      const duplicates = await Promise.all(claims.map(({ record }) => watched.claim(record, { nonce: 'late', ...long })))
      expect(duplicates).toEqual(claims.map(() => ({ status: 'duplicate' })))
      expect(sent.length - before).toBe(7)
    }
  })

  test('are answered each for itself, with durations of its own', async () => {
    const [short, held, done, resting] = names('mixed', 4) as [string, string, string, string]
    await claimed(store, held)
    await store.complete(await claimed(store, done), 60_000)
    await store.release(await claimed(store, resting), { attempts: 0, lapses: 0, restMs: 60_000 })
    const results = await Promise.all([
      store.claim(done, { nonce: 'a', ...long }),
      store.claim(short, { nonce: 'b', leaseMs: 1, memoryMs: 600_000 }),
      store.claim(resting, { nonce: 'c', ...long }),
      store.claim(held, { nonce: 'd', ...long }),
      store.claim('mixed-new', { nonce: 'e', ...long }),
    ])
    expect(results.map(({ status }) => status)).toEqual(['duplicate', 'claimed', 'busy', 'busy', 'claimed'])
    await expect.poll(() => store.claim(short, { nonce: 'another', ...long })).toMatchObject({ status: 'claimed', claim: { lapses: 1 } })
    expect(await claim('mixed-new')).toMatchObject({ status: 'busy' })
  })

  test('that are for one record do not meet in a statement: one of them wins', async () => {
    const before = names('twice', 10)
    const results = await Promise.all([...before, ...before].map((record) => claim(record)))
    for (const index of before.keys()) {
      expect([results[index]?.status, results[index + 10]?.status]).toEqual(['claimed', 'busy'])
    }
  })

  test('keep nonces apart, whatever is in them', async () => {
    const nonces = ['{"a","b"}', 'a,b', '"', '\\', '\\"', '{}', 'NULL', ' a ', "'", '$1', 'é🙂', 'a\tb\nc\u{1f}d', '']
    for (const round of ['first', 'again']) {
      const results = await Promise.all(nonces.map((nonce, index) => claim(`nonce-${index}`, nonce)))
      expect(
        results.map(({ status }) => status),
        round,
      ).toEqual(nonces.map(() => 'claimed'))
    }
    const stored = await pool.query<{ nonce: string }>(
      `select nonce from ${table} where convert_from(record, 'UTF8') ~ '^nonce-[0-9]+$' order by substr(convert_from(record, 'UTF8'), 7)::int`,
    )
    expect(stored.rows.map(({ nonce }) => nonce)).toEqual(nonces)
  })

  test('that the server cannot take fail alone', async () => {
    const records = names('beside a bad one', 40)
    const [bad, ...good] = await Promise.allSettled([claim('bad', 'a\0b'), ...records.map((record) => claim(record))])
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: '22021' } })
    const claims = good.map((each) => (each.status === 'fulfilled' && each.value.status === 'claimed' ? each.value.claim : undefined))
    expect(claims).not.toContain(undefined)
    const released = await Promise.allSettled(
      claims.map((each, index) => store.release(each as Claim, index === 7 ? { ...nothing, attempts: 2 ** 31 } : nothing)),
    )
    expect(released.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    expect(released[7]).toMatchObject({ status: 'rejected', reason: { code: '22003' } })
  })
})

describe('beside fifty free records, one that an open transaction holds', () => {
  for (const large of [false, true]) {
    test(`is busy by itself, and at once${large ? ', also where claims read first' : ''}`, async () => {
      if (large) await fill(pool, table)
      const prefix = `beside-${large}`
      const mine = await claimed(store, `${prefix}-held`)
      const others = await Promise.all(names(`${prefix}-other`, 50).map((record) => claimed(store, record)))
      await store.transaction(async (tx) => {
        await store.claimIn(tx, mine.record, { ...window, claim: mine })
        const free = names(prefix, 50)
        const results = await Promise.all([...free, mine.record].map((record) => claim(record)))
        expect(results.pop()).toEqual({ status: 'busy', retryInMs: long.leaseMs })
        expect(results.map(({ status }) => status)).toEqual(free.map(() => 'claimed'))
        const steps = [
          (each: Claim) => store.renew(each, 60_000),
          (each: Claim) => store.complete(each, 60_000),
          (each: Claim) => store.release(each, nothing),
        ]
        for (const [index, step] of steps.entries()) {
          const settled = await Promise.allSettled([mine, ...others].map(step))
          const [first, ...rest] = settled
          expect(first?.status === 'rejected' && conflict(first.reason)).toBe(true)
          expect(rest).toEqual(others.map(() => ({ status: 'fulfilled', value: index < 2 })))
        }
      })
    })
  }
})

describe('a row that somebody has locked by hand', () => {
  test('holds up only those who ask for it', async () => {
    const locked = await claimed(store, 'locked')
    // So that a claim has to write, too.
    await store.release(locked, nothing)
    const free = await Promise.all(names('free', 6).map((record) => claimed(store, record)))
    const stranger = await pool.connect()
    try {
      await stranger.query('begin')
      await stranger.query(`select from ${table} where record = $1 for update`, [Buffer.from('locked')])
      // In the turn of others, whichever of them it is.
      for (const at of [0, 5]) {
        const claims = names(`beside the lock ${at}`, 6).map((record, index) => claim(index === at ? 'locked' : record))
        const completions = free.map((each, index) => store.complete(index === at ? locked : each, 60_000))
        const settled = await Promise.allSettled([...claims, ...completions])
        for (const [index, each] of settled.entries()) {
          if (index % 6 === at) expect(each).toMatchObject({ status: 'rejected', reason: { code: '55P03' } })
          else expect(each).toMatchObject({ status: 'fulfilled', value: index < 6 ? { status: 'claimed' } : true })
        }
      }
      // Alone it waits: there is nobody whom it holds up.
      const alone = store.complete(locked, 60_000)
      await expect.poll(async () => (await pool.query('select from pg_locks where not granted')).rowCount).toBeGreaterThan(0)
      await stranger.query('commit')
      expect(await alone).toBe(true)
    } finally {
      stranger.release(true)
    }
  })
})

describe('many processes with the same records, in an order that differs', () => {
  for (const large of [false, true]) {
    test(`never deadlock, and each record is won once${large ? ', also where claims read first' : ''}`, async () => {
      if (large) await pool.query(`delete from ${table} where convert_from(record, 'UTF8') like 'filler-%'`)
      if (large) await fill(pool, table)
      const handles = Array.from({ length: 5 }, () => openWatched({ max: 4 }))
      // So that each knows how large the table is.
      await Promise.all(handles.map((handle, index) => claimed(handle.store, `knows-${large}-${index}`)))
      for (let round = 0; round < 4; round += 1) {
        const records = names(`raced-${large}-${round}`, 120)
        const wins = await Promise.all(
          handles.map(async (handle) => {
            const results = await Promise.all(
              shuffled(records).map((record) => handle.store.claim(record, { nonce: randomUUID(), ...long })),
            )
            return results.flatMap((result) => (result.status === 'claimed' ? [result.claim] : []))
          }),
        )
        const won = wins.flat()
        expect(new Set(won.map(({ record }) => record)).size).toBe(records.length)
        expect(won).toHaveLength(records.length)
        // Everybody does everything with all of them.
        const steps = await Promise.all(
          handles.map((handle) =>
            Promise.all(
              shuffled(won).map((each, index) => {
                if (index % 3 === 0) return handle.store.renew(each, 60_000)
                return index % 3 === 1 ? handle.store.release(each, nothing) : handle.store.complete(each, 60_000)
              }),
            ),
          ),
        )
        expect(steps.flat()).toHaveLength(5 * records.length)
        await Promise.all(won.map((each) => store.complete(each, 60_000)))
        const late = await Promise.all(
          handles.flatMap((handle) => records.map((record) => handle.store.claim(record, { nonce: 'late', ...long }))),
        )
        expect(new Set(late.map(({ status }) => status))).toEqual(new Set(['duplicate']))
      }
      expect(handles.flatMap(({ refused }) => refused)).toEqual([])
    })
  }
})

test('a pool of one connection serves all steps, whatever else is asked of it', async () => {
  const own = new Pool({ connectionString: postgresUrl, max: 1 })
  pools.push(own)
  const narrow = postgresStore(own, { table })
  await Promise.all(
    names('narrow', 300).map(async (record, index) => {
      const mine = await claimed(narrow, record)
      expect(await narrow.renew(mine, 60_000)).toBe(true)
      if (index % 3 === 0) return expect(await narrow.release(mine, nothing)).toBe(true)
      if (index % 3 === 1) return expect(await narrow.complete(mine, 60_000)).toBe(true)
      const status = await narrow.transaction((tx) => narrow.claimIn(tx, record, { ...window, claim: mine }))
      return expect(status).toEqual({ status: 'claimed' })
    }),
  )
})
