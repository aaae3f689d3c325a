import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { redisStore } from 'hapax/stores/redis'
import { storeSuite } from 'hapax/testing'
import { redisUrl } from '../../services/places.js'
import type { RedisOptions } from 'ioredis'
import type { Claim } from 'hapax'

const prefix = `hapax-test-${randomUUID()}:`
const redis = new Redis(redisUrl)
const store = redisStore(redis, { prefix })
afterAll(() => redis.quit())

type Options = Omit<RedisOptions, 'replyMapping'>

const clients: Record<string, Options> = {
  'a client as it comes': {},
  'a client that pipelines, prefixes, and reads integers as text': { enableAutoPipelining: true, keyPrefix: 'all:', stringNumbers: true },
}

for (const [name, options] of Object.entries(clients)) {
  const open = (url: string, more: Options = {}) => {
    const client = new Redis(url, { ...options, ...more })
    client.on('error', () => undefined)
    return { store: redisStore(client, { prefix }), close: () => client.disconnect() }
  }
  const suite = storeSuite({
    open: () => open(redisUrl),
    openUnreachable: () => open('redis://127.0.0.1:1', { retryStrategy: () => null }),
    forget: async (record) => void (await redis.del((options.keyPrefix ?? '') + prefix + record)),
  })
  describe(name, () => {
    for (const each of suite) test(each.name, each.run)
  })
}

const long = { leaseMs: 60_000, memoryMs: 600_000 }

async function claim(record: string): Promise<Claim> {
  const result = await store.claim(record, { nonce: 'a nonce', ...long })
  if (result.status !== 'claimed') throw new Error(`${record} is ${result.status}`)
  return result.claim
}

test('records can be read by people', async () => {
  const [time] = await redis.time()
  const first = await claim('readable')
  expect(await redis.get(`${prefix}readable`)).toMatch(new RegExp(`^consuming ${first.token} \\d{13} 0 0 600000 a nonce$`))
  expect(Math.abs(first.token / 1e6 - Number(time))).toBeLessThan(60)
  await store.release(first, { attempts: 2, lapses: 1, restMs: 0 })
  expect(await redis.get(`${prefix}readable`)).toMatch(new RegExp(`^released ${first.token} \\d{13} 2 1 600000 a nonce$`))
  const second = await store.claim('readable', { nonce: 'another', ...long })
  if (second.status !== 'claimed') throw new Error(second.status)
  await store.complete(second.claim, 60_000)
  expect(await redis.get(`${prefix}readable`)).toBe(String(second.claim.token))
})

test('a consumed record is an integer to the server, which takes less memory; one with a token that no clock gives is none', async () => {
  await store.complete(await claim('small'), 60_000)
  expect(await redis.object('ENCODING', `${prefix}small`)).toBe('int')
  const made: Claim = { record: 'made', token: 5, attempts: 0, lapses: 0 }
  expect(await store.complete(made, 60_000)).toBe(true)
  expect(await redis.get(`${prefix}made`)).toBe('consumed 5')
  expect(await store.claim('made', { nonce: 'a nonce', ...long })).toEqual({ status: 'duplicate' })
  expect(await store.complete({ ...made, token: 4 }, 60_000)).toBe(false)
  expect(await store.complete(made, 60_000)).toBe(true)
  const [time = 0] = await redis.time()
  expect(await store.complete({ ...made, token: Number(time) * 1e6 }, 60_000)).toBe(true)
  expect(await redis.get(`${prefix}made`)).toBe(`${time}000000`)
})

test('records leave when lease or rest and memory are over, and when the window is', async () => {
  const about = async (ms: number) => {
    const left = await redis.pttl(`${prefix}leaving`)
    expect(left).toBeGreaterThan(ms - 20_000)
    expect(left).toBeLessThanOrEqual(ms)
  }
  const mine = await claim('leaving')
  await about(660_000)
  await store.renew(mine, 120_000)
  await about(720_000)
  await store.release(mine, { attempts: 1, lapses: 0, restMs: 30_000 })
  await about(630_000)
  await store.complete(mine, 90_000)
  await about(90_000)
})

describe('what Hapax did not write is a fault, and stays as it is', () => {
  const numbers = ['1', '176372123456789', '17637212345678901', '1763721234567.90', '-176372123456789', '0x17637212345678']
  const foreign = ['', 'true', 'hello', 'hello 5', 'consumed', 'consumed x', '{"status":"COMPLETED"}', ...numbers]
  const steps: Record<string, (mine: Claim) => Promise<unknown>> = {
    claim: ({ record }) => store.claim(record, { nonce: 'a nonce', ...long }),
    renew: (mine) => store.renew(mine, 1_000),
    complete: (mine) => store.complete(mine, 1_000),
    release: (mine) => store.release(mine, { attempts: 0, lapses: 0, restMs: 0 }),
  }
  for (const [name, step] of Object.entries(steps)) {
    test(name, async () => {
      await redis.rpush(`${prefix}list-${name}`, 'an element')
      await expect(step({ record: `list-${name}`, token: 1, attempts: 0, lapses: 0 })).rejects.toThrow('WRONGTYPE')
      for (const [index, value] of foreign.entries()) {
        const record = `foreign-${name}-${index}`
        await redis.set(prefix + record, value, 'PX', 60_000)
        await expect(step({ record, token: 1, attempts: 0, lapses: 0 })).rejects.toThrow('was not written by Hapax')
        expect(await redis.get(prefix + record)).toBe(value)
      }
    })
  }
  test('a record cut short', async () => {
    await redis.set(`${prefix}short`, 'consuming 5', 'PX', 60_000)
    const mine: Claim = { record: 'short', token: 5, attempts: 0, lapses: 0 }
    const { complete: _, ...reading } = steps
    for (const step of Object.values(reading)) await expect(step(mine)).rejects.toBeInstanceOf(Error)
    expect(await redis.get(`${prefix}short`)).toBe('consuming 5')
  })
})

test('nonsense options are refused by name', () => {
  const refused = (make: () => unknown, name: string) => {
    expect(make).toThrow(name)
    expect(make).toThrow(expect.toSatisfy((error) => hasCode(error, 'configuration')))
  }
  refused(() => redisStore({} as Redis), 'client must be an object with the methods eval, evalsha, info')
  refused(() => redisStore(redis, { prefix: '' }), 'prefix must be a text')
  refused(() => redisStore(redis, { whenEvicting: 'ignore' as 'accept' }), "whenEvicting must be one of 'refuse', 'accept'")
})
