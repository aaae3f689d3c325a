import fc from 'fast-check'
import * as nodeRedis from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { redisStore } from 'hapax/stores/redis'
import { storeSuite } from 'hapax/testing'
import { redisClusterNodes, redisUrl } from '../../services/places.js'
import { anyName, hostileNames, unlessRefused } from '../hostile/names.js'
import { claimed, freshName, long } from './table.js'
import type { Store } from 'hapax'
import type { RedisStoreOptions } from 'hapax/stores/redis'

const { createClient, createCluster } = nodeRedis

const prefix = `${freshName()}:`

interface Opened {
  readonly store: Store
  close(): void
}

const socket = { reconnectStrategy: false } as const
/** By the byte that a reply begins with: `$`, `+`, `=` and `:`. Not every version exports its names for them. */
const asBytes = { 36: Buffer, 43: Buffer, 61: Buffer, 58: String } as const

async function openClient(
  url: string,
  more: Pick<Parameters<typeof createClient>[0] & object, 'RESP' | 'commandOptions'>,
): Promise<Opened> {
  const client = createClient({ url, socket, ...more })
  client.on('error', () => undefined)
  await client.connect().catch(() => undefined)
  return { store: redisStore(client, { prefix }), close: () => client.isOpen && client.destroy() }
}

const clients: Record<string, (url: string) => Promise<Opened>> = {
  'a client as it comes': (url) => openClient(url, {}),
  'a client of RESP 2 without timers': (url) => openClient(url, { RESP: 2, commandOptions: { timeout: 0 } }),
  'a client that gives texts as bytes and integers as text': (url) => openClient(url, { commandOptions: { typeMapping: asBytes } }),
}
// The oldest ones do not export it.
if ('createClientPool' in nodeRedis) {
  clients['a pool'] = async (url) => {
    const pool = nodeRedis.createClientPool({ url, socket })
    pool.on('error', () => undefined)
    await pool.connect().catch(() => undefined)
    return { store: redisStore(pool, { prefix }), close: () => pool.isOpen && pool.destroy() }
  }
}

const redis = createClient({ url: redisUrl })
beforeAll(() => redis.connect())
afterAll(() => redis.destroy())

for (const [name, open] of Object.entries(clients)) {
  const suite = storeSuite({
    open: () => open(redisUrl),
    openUnreachable: () => open('redis://127.0.0.1:1'),
    forget: async (record) => void (await redis.del(prefix + record)),
  })
  describe(name, () => {
    for (const each of suite) test(each.name, each.run)
  })
}

describe('a cluster client', () => {
  const make = (nodes: readonly string[]) => {
    const client = createCluster({ rootNodes: nodes.map((node) => ({ url: `redis://${node}` })), defaults: { socket } })
    client.on('error', () => undefined)
    return client
  }
  const open = async (nodes: readonly string[]): Promise<Opened> => {
    const client = make(nodes)
    await client.connect().catch(() => undefined)
    return { store: redisStore(client, { prefix }), close: () => client.isOpen && client.destroy() }
  }
  const cluster = make(redisClusterNodes)
  beforeAll(() => cluster.connect())
  afterAll(() => cluster.destroy())

  const suite = storeSuite({
    open: () => open(redisClusterNodes),
    openUnreachable: () => open(['127.0.0.1:1']),
    forget: async (record) => void (await cluster.del(prefix + record)),
  })
  for (const each of suite) test(each.name, each.run)
})

test('keys begin with exactly the prefix that was asked for, or it is refused; no two prefixes meet', async () => {
  const own = freshName()
  const generated = fc.sample(anyName, { numRuns: 150, seed: 2 })
  const prefixes = [...new Set([...hostileNames, ...generated])].map((name) => (name === '' ? '' : `${own}${name}`))
  const keys: string[] = []
  for (const each of prefixes) {
    const store = unlessRefused('prefix', () => redisStore(redis, { prefix: each }))
    expect(store === undefined, JSON.stringify(each)).toBe(each === '' || !each.isWellFormed())
    if (!store) continue
    const result = await store.claim('a record', { nonce: 'a nonce', leaseMs: 10_000, memoryMs: 10_000 })
    expect(result.status, JSON.stringify(each)).toBe('claimed')
    keys.push(`${each}a record`)
    expect(await redis.get(`${each}a record`)).toMatch(/^consuming /)
  }
  expect(new Set(keys).size).toBe(keys.length)
  await redis.del(keys)
})

test('claims of one turn are told apart, and one that is bad fails alone', async () => {
  const store = redisStore(redis, { prefix })
  await redis.rPush(`${prefix}list`, 'an element')
  await store.complete(await claimed(store, 'consumed'), 60_000)
  const records = ['new', 'list', 'consumed', 'new']
  const [first, list, consumed, second] = await Promise.allSettled(
    records.map((record, index) => store.claim(record, { nonce: `nonce-${index}`, ...long })),
  )
  expect(first).toMatchObject({ value: { status: 'claimed' } })
  expect(list).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('WRONGTYPE') as string } })
  expect(consumed).toMatchObject({ value: { status: 'duplicate' } })
  expect(second).toMatchObject({ value: { status: 'busy' } })
})

test('one client of node-redis and one of ioredis share records', async () => {
  const { Redis } = await import('ioredis')
  const other = new Redis(redisUrl)
  const [one, two] = [redisStore(redis, { prefix }), redisStore(other, { prefix })]
  const mine = await claimed(one, 'shared')
  expect(await two.claim('shared', { nonce: 'another', ...long })).toMatchObject({ status: 'busy' })
  expect(await two.complete(mine, 60_000)).toBe(true)
  expect(await one.claim('shared', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
  await other.quit()
})

test('what is not connected, or no client, is refused by name', async () => {
  const refusal = expect.toSatisfy((error: unknown) => hasCode(error, 'configuration')) as Error
  const check = (client: Parameters<typeof redisStore>[0], options?: RedisStoreOptions) => redisStore(client, options).check(expect.fail)
  await expect(check(createClient({ url: redisUrl }))).rejects.toThrow('await client.connect()')
  await expect(check(createCluster({ rootNodes: [{ url: redisUrl }] }))).rejects.toThrow('await client.connect()')
  await expect(check(createClient({ url: redisUrl }))).rejects.toEqual(refusal)
  const promised = createClient({ url: redisUrl }).connect()
  expect(() => redisStore(promised as never)).toThrow('client must be an object with the methods eval, evalsha, info')
  expect(() => redisStore(promised as never)).toThrow('try new Redis')
  expect(() => redisStore({ evalSha: () => 5 } as never)).toThrow(
    'client must be an object with the methods eval, evalSha, info (missing: eval, info)',
  )
  ;(await promised).destroy()
})
