import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { redisStore } from 'hapax/stores/redis'
import { freePort } from '../../services/free-ports.js'
import { startRedis } from '../../services/redis.js'
import type { RedisOptions } from 'ioredis'
import type { Claim, Store } from 'hapax'
import type { Server } from '../../services/server.js'

/** A server of our own: it is restarted, stopped and misconfigured. */
const dir = mkdtempSync(join(tmpdir(), 'hapax-redis-'))
const port = await freePort()
let server: Server
const clients: Redis[] = []

beforeAll(async () => {
  server = await startRedis({ port, dir: join(dir, 'primary') })
})
afterAll(async () => {
  for (const client of clients) client.disconnect()
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

const long = { leaseMs: 60_000, memoryMs: 600_000 }

function connect(options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const client = new Redis({ port, host: '127.0.0.1', ...options })
  client.on('error', () => undefined)
  clients.push(client)
  return client
}

async function claim(store: Store, record: string, nonce = 'nonce'): Promise<Claim> {
  const result = await store.claim(record, { nonce, ...long })
  if (result.status !== 'claimed') throw new Error(`${record} is ${result.status}`)
  return result.claim
}

const refusal = (option: string) => (error: unknown) => hasCode(error, 'configuration') && (error as { option?: string }).option === option
const noWarning = (message: string) => expect.fail(message)

test('every step works when the server has forgotten the scripts', async () => {
  const client = connect()
  const store = redisStore(client)
  const forget = () => client.script('FLUSH')
  await forget()
  const first = await claim(store, 'flushed')
  await forget()
  expect(await store.renew(first, 60_000)).toBe(true)
  await forget()
  expect(await store.release(first, { attempts: 1, lapses: 0, restMs: 0 })).toBe(true)
  await forget()
  const second = await claim(store, 'flushed', 'another')
  await forget()
  expect(await store.complete(second, 60_000)).toBe(true)
  await forget()
  const pipelining = redisStore(connect({ enableAutoPipelining: true }))
  await Promise.all(Array.from({ length: 32 }, (_, index) => claim(pipelining, `flushed-${index}`)))
})

test('claims outlive a restart of the server, and its clients need no care', async () => {
  const store = redisStore(connect())
  const kept = await claim(store, 'restarted')
  await server.restart()
  expect(await store.claim('restarted', { nonce: 'another', ...long })).toMatchObject({ status: 'busy' })
  expect(await store.complete(kept, 60_000)).toBe(true)
  expect(await store.claim('restarted', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
})

test('so it is with node-redis, which reconnects as well', async () => {
  const client = createClient({ socket: { port, host: '127.0.0.1' } })
  client.on('error', () => undefined)
  await client.connect()
  const store = redisStore(client)
  const kept = await claim(store, 'restarted under node-redis')
  await server.restart()
  const claimAgain = () => store.claim('restarted under node-redis', { nonce: 'another', ...long }).catch(() => undefined)
  await expect.poll(claimAgain, { timeout: 20_000 }).toMatchObject({ status: 'busy' })
  expect(await store.complete(kept, 60_000)).toBe(true)
  expect(await claimAgain()).toEqual({ status: 'duplicate' })
  client.destroy()
})

test('a claim whose reply was lost is had by sending it again', async () => {
  const store = redisStore(connect({ commandTimeout: 200 }))
  await claim(store, 'warm-up')
  server.pause()
  try {
    await expect(claim(store, 'lost')).rejects.toThrow('timed out')
  } finally {
    server.resume()
  }
  const again = await claim(store, 'lost')
  expect(again).toMatchObject({ attempts: 0, lapses: 0 })
  expect(await store.claim('lost', { nonce: 'another', ...long })).toMatchObject({ status: 'busy' })
})

test('a server that cannot be reached is a fault as soon as the client gives up', async () => {
  const store = redisStore(connect({ port: 1, maxRetriesPerRequest: 1 }))
  await expect(store.check(noWarning)).rejects.not.toSatisfy((error) => hasCode(error, 'configuration'))
  await expect(claim(store, 'offline')).rejects.toThrow('max retries per request')
})

test('a server that evicts is refused, unless that is accepted', async () => {
  const client = connect()
  const store = redisStore(client)
  await store.check(noWarning)
  for (const policy of ['allkeys-lru', 'volatile-ttl', 'volatile-lru', 'allkeys-random']) {
    await client.config('SET', 'maxmemory-policy', policy)
    await store.check(noWarning)
    await client.config('SET', 'maxmemory', '100mb')
    const checked = store.check(noWarning)
    await expect(checked).rejects.toSatisfy(refusal('whenEvicting'))
    await expect(checked).rejects.toThrow(`maxmemory-policy ${policy}`)
    await redisStore(client, { whenEvicting: 'accept' }).check(noWarning)
    await client.config('SET', 'maxmemory', '0')
  }
  await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'noeviction')
  await store.check(noWarning)
  await client.config('SET', 'maxmemory', '0')
})

test('a server out of memory is a fault, and still tells duplicates', async () => {
  const client = connect()
  const store = redisStore(client)
  const mine = await claim(store, 'mine')
  await store.complete(await claim(store, 'consumed'), 60_000)
  await client.config('SET', 'maxmemory', '1')
  await expect(claim(store, 'new')).rejects.toThrow('OOM')
  await expect(store.complete(mine, 60_000)).rejects.toThrow('OOM')
  expect(await store.claim('consumed', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
  await client.config('SET', 'maxmemory', '0')
  expect(await store.complete(mine, 60_000)).toBe(true)
})

test('a replica is refused', async () => {
  const replicaPort = await freePort()
  const args = ['--replicaof', '127.0.0.1', String(port)]
  const replica = await startRedis({ port: replicaPort, dir: join(dir, 'replica'), args })
  try {
    const store = redisStore(connect({ port: replicaPort }))
    const checked = store.check(noWarning)
    await expect(checked).rejects.toSatisfy(refusal('client'))
    await expect(checked).rejects.toThrow('connect it to the primary')
    await expect(claim(store, 'new')).rejects.toThrow('READONLY')
  } finally {
    await replica.stop()
  }
})

test('where INFO may not be read, that is told', async () => {
  await connect().acl('SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-info')
  const store = redisStore(connect({ username: 'limited', password: 'secret', enableReadyCheck: false }))
  const warnings: string[] = []
  await store.check((message) => warnings.push(message))
  expect(warnings).toHaveLength(2)
  expect(warnings.join()).toContain('maxmemory_policy')
  await claim(store, 'by a limited user')
})
