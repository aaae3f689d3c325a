import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { freePort } from '../../services/free-ports.js'
import { startRedis } from '../../services/redis.js'
import { claimed, freshName, long } from './table.js'
import type { RedisOptions } from 'ioredis'
import type { Claim, ClaimResult, Store } from 'hapax'
import type { Server } from '../../services/server.js'

/** A server of our own: its commands are counted, and it is misconfigured. */
const dir = mkdtempSync(join(tmpdir(), 'hapax-redis-'))
const port = await freePort()
let server: Server
const clients: Redis[] = []

beforeAll(async () => {
  server = await startRedis({ port, dir: join(dir, 'one') })
})
afterAll(async () => {
  for (const client of clients) client.disconnect()
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

function connect(options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const client = new Redis({ port, host: '127.0.0.1', ...options })
  client.on('error', () => undefined)
  clients.push(client)
  return client
}

/** How often the server has been asked for each of these commands while `run` ran. Scripts' own commands count, too. */
async function count(at: number, run: () => Promise<unknown>): Promise<Record<string, number>> {
  const client = connect({ port: at })
  const read = async () =>
    new Map([...(await client.info('commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]))
  const before = await read()
  await run()
  const after = await read()
  return Object.fromEntries(['evalsha', 'eval'].map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)]))
}

const names = (many: number, word = freshName()): readonly string[] => Array.from({ length: many }, (_, index) => `${word}-${index}`)
const claimAll = (store: Store, records: readonly string[], nonce = 'a nonce'): Promise<ClaimResult[]> =>
  Promise.all(records.map((record) => store.claim(record, { nonce, ...long })))
const claimsOf = (results: readonly ClaimResult[]): readonly Claim[] =>
  results.map((result) => {
    if (result.status !== 'claimed') throw new Error(`it is ${result.status}`)
    return result.claim
  })
const statuses = (results: readonly ClaimResult[]) => new Set(results.map(({ status }) => status))

const openers: Record<string, () => Promise<{ readonly client: Parameters<typeof redisStore>[0]; close(): void }>> = {
  ioredis: async () => ({ client: connect(), close: () => undefined }),
  async 'node-redis'() {
    const client = createClient({ socket: { port, host: '127.0.0.1' } })
    await client.connect()
    return { client, close: () => client.destroy() }
  },
}

describe.each(Object.entries(openers))('%s', (_, open) => {
  test('the steps of one turn are two commands of each kind, and alone they are as many as before', async () => {
    const { client, close } = await open()
    const store = redisStore(client)
    const warm = await claimed(store, freshName())
    await store.renew(warm, 60_000)
    await store.release(warm, { attempts: 0, lapses: 0, restMs: 0 })
    await store.complete(warm, 60_000)

    const records = names(200)
    let claims: readonly Claim[] = []
    expect(await count(port, async () => (claims = claimsOf(await claimAll(store, records))))).toEqual({ evalsha: 2, eval: 0 })
    expect(claims.map(({ record }) => record)).toEqual(records)
    expect(await count(port, () => Promise.all(claims.map((claim) => store.renew(claim, 60_000))))).toEqual({ evalsha: 2, eval: 0 })
    const [back, done] = [claims.slice(0, 50), claims.slice(50)]
    const remember = { attempts: 1, lapses: 0, restMs: 0 }
    expect(await count(port, () => Promise.all(back.map((claim) => store.release(claim, remember))))).toEqual({ evalsha: 2, eval: 0 })
    expect(await count(port, () => Promise.all(done.map((claim) => store.complete(claim, 60_000))))).toEqual({ evalsha: 2, eval: 0 })
    const again = await claimAll(store, records, 'another')
    expect(statuses(again.slice(50))).toEqual(new Set(['duplicate']))
    for (const claim of claimsOf(again.slice(0, 50))) expect(claim).toMatchObject({ attempts: 1, lapses: 0 })

    const record = freshName()
    expect(await count(port, async () => store.complete(await claimed(store, record), 60_000))).toEqual({ evalsha: 2, eval: 0 })
    expect(await count(port, () => store.claim(record, { nonce: 'another', ...long }))).toEqual({ evalsha: 1, eval: 0 })
    close()
  })

  test('a server that has forgotten the scripts is sent one once for all', async () => {
    const { client, close } = await open()
    const store = redisStore(client)
    await connect().script('FLUSH')
    expect(await count(port, () => claimAll(store, names(100)))).toEqual({ evalsha: 2, eval: 2 })
    close()
  })
})

test('steps of several kinds travel together, each answered for itself, and renewals by themselves', async () => {
  const store = redisStore(connect())
  const held = claimsOf(await claimAll(store, names(12)))
  const [done, back, superseded, renewed] = [held.slice(0, 3), held.slice(3, 6), held.slice(6, 9), held.slice(9)]
  await Promise.all(superseded.map((claim) => store.release(claim, { attempts: 0, lapses: 0, restMs: 0 })))
  const newer = claimsOf(
    await claimAll(
      store,
      superseded.map(({ record }) => record),
      'another',
    ),
  )
  const news = names(3)
  let answers: readonly unknown[] = []
  const mixed = async (): Promise<void> => {
    answers = await Promise.all(
      [0, 1, 2].flatMap((index) => [
        store.claim(news[index] as string, { nonce: `nonce ${index}`, ...long }).then(({ status }) => status),
        store.complete(done[index] as Claim, 60_000),
        store.release(back[index] as Claim, { attempts: index, lapses: 0, restMs: 0 }),
        store.complete(superseded[index] as Claim, 60_000),
        store.claim((done[index] as Claim).record, { nonce: `nonce ${index}`, ...long }).then(({ status }) => status),
        store.renew(renewed[index] as Claim, 60_000),
      ]),
    )
  }
  expect(await count(port, mixed)).toEqual({ evalsha: 2, eval: 0 })
  // What is done with is told before anybody asks for it.
  const each = ['claimed', true, true, false, 'duplicate', true]
  expect(answers).toEqual([...each, ...each, ...each])
  expect(
    statuses(
      await claimAll(
        store,
        done.map(({ record }) => record),
        'another',
      ),
    ),
  ).toEqual(new Set(['duplicate']))
  const again = claimsOf(
    await claimAll(
      store,
      back.map(({ record }) => record),
      'another',
    ),
  )
  expect(again.map(({ attempts }) => attempts)).toEqual([0, 1, 2])
  expect(await Promise.all(newer.map((claim) => store.complete(claim, 60_000)))).toEqual([true, true, true])
})

test('more than a script may hold are parted', async () => {
  const store = redisStore(connect())
  await claimed(store, freshName())
  const records = names(600)
  const { evalsha = 0 } = await count(port, async () => expect(claimsOf(await claimAll(store, records))).toHaveLength(600))
  // Those that are left over are one script or two, by whether both of the first have been answered when they leave.
  expect([3, 4]).toContain(evalsha)
  expect(statuses(await claimAll(store, records, 'another'))).toEqual(new Set(['busy']))
})

test('of two claims of one record in one turn, one has it', async () => {
  const store = redisStore(connect())
  const record = freshName()
  const race = await Promise.all(['one', 'two', 'one'].map((nonce) => store.claim(record, { nonce, ...long })))
  expect(race.map(({ status }) => status)).toEqual(['claimed', 'busy', 'claimed'])
  expect(race[2]).toEqual(race[0])
  const [mine] = claimsOf(race.slice(0, 1))
  if (!mine) throw new Error('nobody has it')
  expect(await Promise.all([store.complete(mine, 60_000), store.complete(mine, 1_000)])).toEqual([true, true])
})

test('each keeps its own nonce, however long and of however many bytes it is', async () => {
  const client = connect()
  const store = redisStore(client, { prefix: 'p:' })
  const nonces = ['a', 'b', 'ä', 'ö', '日', '😀', 'xy', 'a b', '', 'z']
  const records = names(nonces.length)
  const claimOwn = (record: string, index: number): Promise<ClaimResult> => store.claim(record, { nonce: nonces[index] ?? '', ...long })
  const claims = await Promise.all(records.map(claimOwn))
  expect(statuses(claims)).toEqual(new Set(['claimed']))
  for (const [index, record] of records.entries()) {
    const [, nonce] = /^consuming(?: \d+){5} (.*)$/.exec((await client.get(`p:${record}`)) ?? '') ?? []
    expect(nonce).toBe(nonces[index])
    // Also by itself.
    expect(await claimOwn(record, index)).toEqual(claims[index])
  }
})

test('each keeps its own lease, memory, window and counts', async () => {
  const client = connect()
  const store = redisStore(client)
  const records = names(6)
  const leases = [10_000, 10_000, 500_000, 10_000, 10_000, 7_000.5]
  const claims = claimsOf(
    await Promise.all(records.map((record, index) => store.claim(record, { nonce: record, leaseMs: leases[index] ?? 0, memoryMs: 1_000 }))),
  )
  const left = async (record: string) => Math.round((await client.pttl(`hapax:${record}`)) / 100_000)
  expect(await Promise.all(records.map(left))).toEqual([0, 0, 5, 0, 0, 0])
  const [first, second, third, fourth, fifth, sixth] = claims
  if (!first || !second || !third || !fourth || !fifth || !sixth) throw new Error('some are missing')
  await Promise.all([
    store.renew(first, 300_000),
    store.renew(second, 10_000),
    store.complete(third, 200_000),
    store.complete(fourth, 10_000),
  ])
  expect(await Promise.all(records.slice(0, 4).map(left))).toEqual([3, 0, 2, 0])
  await Promise.all([
    store.release(fifth, { attempts: 3, lapses: 2, restMs: 0 }),
    store.release(sixth, { attempts: 1, lapses: 0, restMs: 0 }),
  ])
  const again = claimsOf(await claimAll(store, [fifth.record, sixth.record], 'another'))
  expect(again.map(({ attempts, lapses }) => [attempts, lapses])).toEqual([
    [3, 2],
    [1, 0],
  ])
})

test('one that is bad fails alone, in whatever step', async () => {
  const client = connect()
  const store = redisStore(client)
  const word = freshName()
  const [good, other] = claimsOf(await claimAll(store, names(2, word)))
  if (!good || !other) throw new Error('some are missing')
  const badNames = ['foreign', 'list', 'short'].map((name) => `${word}-${name}`)
  const [foreign, list, short] = badNames.map((name) => `hapax:${name}`) as [string, string, string]
  await client.mset(foreign, 'something else', short, 'consuming 5')
  await client.rpush(list, 'an element')
  const bad = badNames.map((record): Claim => ({ record, token: 1, attempts: 0, lapses: 0 }))
  const settle = async (step: (claim: Claim) => Promise<unknown>) =>
    Promise.allSettled([...bad.slice(0, 2), good, ...bad.slice(2), other].map(step))
  const steps: readonly ((claim: Claim) => Promise<unknown>)[] = [
    ({ record }) => store.claim(record, { nonce: 'a nonce', ...long }),
    (claim) => store.renew(claim, 60_000),
    (claim) => store.complete(claim, 60_000),
  ]
  for (const step of steps) {
    const settled = await settle(step)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []))
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining(`${foreign} was not written by Hapax`),
      expect.stringContaining('WRONGTYPE'),
      expect.stringContaining(`${short} was not written by Hapax`),
    ])
    expect(new Set(errors).size).toBe(3)
  }
  expect(await client.get(foreign)).toBe('something else')
  expect(await client.get(short)).toBe('consuming 5')
  expect(statuses(await claimAll(store, [good.record, other.record], 'another'))).toEqual(new Set(['duplicate']))
})

test('a server out of memory refuses who has to be written, and answers the others', async () => {
  const client = connect()
  const store = redisStore(client)
  const [consumed, held, fresh] = names(3) as [string, string, string]
  await store.complete(await claimed(store, consumed), 60_000)
  await claimed(store, held)
  await client.config('SET', 'maxmemory', '1')
  const settled = await Promise.allSettled(
    [fresh, consumed, held, `${fresh}-too`].map((record) => store.claim(record, { nonce: 'a nonce', ...long })),
  )
  await client.config('SET', 'maxmemory', '0')
  expect(settled).toMatchObject([
    { status: 'rejected', reason: { message: expect.stringContaining('OOM') as string } },
    { value: { status: 'duplicate' } },
    { value: { status: 'busy' } },
    { status: 'rejected', reason: { message: expect.stringContaining('OOM') as string } },
  ])
})

test('a client sees for itself that it is connected to a replica, and may connect anew', async () => {
  const replicaPort = await freePort()
  const replica = await startRedis({ port: replicaPort, dir: join(dir, 'replica'), args: ['--replicaof', '127.0.0.1', String(port)] })
  try {
    const seen: string[] = []
    const store = redisStore(connect({ port: replicaPort, reconnectOnError: ({ message }) => seen.push(message) < 0 }))
    const settled = await Promise.allSettled(names(3).map((record) => store.claim(record, { nonce: 'a nonce', ...long })))
    expect(settled.map((each) => each.status === 'rejected' && String(each.reason))).toEqual(
      Array(3).fill(expect.stringContaining('READONLY')),
    )
    expect(seen.filter((message) => message.startsWith('READONLY'))).toHaveLength(1)
  } finally {
    await replica.stop()
  }
})

test('a record that the user may not touch fails no neighbour', async () => {
  const word = freshName()
  await connect().acl('SETUSER', word, 'on', '>secret', `~hapax:${word}*`, '+@all')
  const store = redisStore(connect({ username: word, password: 'secret' }))
  const settled = await Promise.allSettled(
    [`${word}-a`, 'a stranger', `${word}-b`].map((record) => store.claim(record, { nonce: 'a nonce', ...long })),
  )
  expect(settled).toMatchObject([
    { value: { status: 'claimed' } },
    { status: 'rejected', reason: { message: expect.stringContaining('NOPERM') as string } },
    { value: { status: 'claimed' } },
  ])
})

test('where keys of one script have to be of one slot, each goes alone from the first refusal on', async () => {
  // A cluster of one, which a client that knows of no cluster reaches all keys of.
  const [clusterPort, busPort] = [await freePort(), await freePort()]
  const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)]
  const cluster = await startRedis({ port: clusterPort, dir: join(dir, 'cluster'), args })
  try {
    const client = connect({ port: clusterPort })
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await expect.poll(() => client.cluster('INFO'), { timeout: 20_000 }).toContain('cluster_state:ok')
    const store = redisStore(client)
    const records = names(20)
    const claims = claimsOf(await claimAll(store, records))
    expect(claims.map(({ record }) => record)).toEqual(records)
    expect(await count(clusterPort, () => claimAll(store, records))).toEqual({ evalsha: 20, eval: 0 })
    expect(await Promise.all(claims.map((claim) => store.complete(claim, 60_000)))).toEqual(Array(20).fill(true))
    expect(statuses(await claimAll(store, records, 'another'))).toEqual(new Set(['duplicate']))
  } finally {
    await cluster.stop()
  }
})

test('with coalesce: false each goes alone', async () => {
  const store = redisStore(connect(), { coalesce: false })
  await claimed(store, freshName())
  expect(await count(port, async () => claimsOf(await claimAll(store, names(20))))).toEqual({ evalsha: 20, eval: 0 })
})
