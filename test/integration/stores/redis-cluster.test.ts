import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { storeSuite } from 'hapax/testing'
import { redisClusterNodes } from '../../services/places.js'
import { startRedisCluster } from '../../services/redis-cluster.js'
import { claimed, freshName, long } from './table.js'
import type { ClusterOptions } from 'ioredis'
import type { Server } from '../../services/server.js'

type Options = Pick<ClusterOptions, 'enableAutoPipelining' | 'scaleReads' | 'clusterRetryStrategy'>

const prefix = `${freshName()}:`

function open(nodes: readonly string[], options: Options = {}) {
  const client = new Cluster(
    nodes.map((node) => `redis://${node}`),
    options,
  )
  client.on('error', () => undefined)
  return { client, store: redisStore(client, { prefix }), close: () => client.disconnect() }
}

const { version } = createRequire(import.meta.url)('ioredis/package.json') as { readonly version: string }
const [major = 0, minor = 0] = version.split('.').map(Number)
/** Before ioredis 5.11, what a Cluster pipelines by itself goes by its first argument, which is a script and not a key, and is refused. */
const pipelinesScripts = major > 5 || minor >= 11

const clients: Record<string, Options> = {
  'a Cluster as it comes': {},
  'a Cluster that pipelines, and reads from replicas': { enableAutoPipelining: pipelinesScripts, scaleReads: 'all' },
}

for (const [name, options] of Object.entries(clients)) {
  describe(name, () => {
    const suite = storeSuite({
      open: () => open(redisClusterNodes, options),
      openUnreachable: () => open(['127.0.0.1:1'], { ...options, clusterRetryStrategy: () => null }),
      async forget(record) {
        const { client, close } = open(redisClusterNodes)
        await client.del(prefix + record)
        close()
      },
    })
    for (const each of suite) test(each.name, each.run)
  })
}

describe('a cluster that is misconfigured, changed and ended', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hapax-cluster-'))
  let nodes: readonly Redis[] = []
  let addresses: readonly string[] = []
  let server: Server

  beforeAll(async () => {
    const port = await freeClusterPort()
    const ports = [port, port + 1, port + 2]
    server = await startRedisCluster({ port, dir })
    addresses = ports.map((each) => `127.0.0.1:${each}`)
    nodes = ports.map((each) => new Redis({ port: each, host: '127.0.0.1' }))
    for (const node of nodes) node.on('error', () => undefined)
  })
  afterAll(async () => {
    for (const node of nodes) node.disconnect()
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  test('every primary is checked, by a client that has not connected yet, too', async () => {
    for (const node of nodes) {
      await node.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'volatile-ttl')
      const { store, close } = open(addresses)
      await expect(store.check(expect.fail)).rejects.toThrow('maxmemory-policy volatile-ttl')
      close()
      await node.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
    }
  })

  test('a client that cannot pipeline scripts is refused, and one that can is not', async () => {
    const { store, close } = open(addresses, { enableAutoPipelining: true })
    const checked = store.check(expect.fail)
    if (pipelinesScripts) await checked
    else await expect(checked).rejects.toThrow('use ioredis 5.11 or newer')
    close()
  })

  test('a primary that has forgotten the scripts is sent them again', async () => {
    const { store, close } = open(addresses)
    const claimAll = (nonce: string) =>
      Promise.all(Array.from({ length: 20 }, (_, index) => store.claim(`flushed-${index}`, { nonce, ...long })))
    const before = await claimAll('one')
    for (const node of nodes) await node.script('FLUSH')
    expect(await claimAll('one')).toEqual(before)
    close()
  })

  test('a claim is kept while its slot moves to another primary, and after it', async () => {
    const { client, store, close } = open(addresses)
    // Other clients learn of the move by nothing but their own steps.
    const other = open(addresses)
    const another = createCluster({ rootNodes: addresses.map((address) => ({ url: `redis://${address}` })) })
    another.on('error', () => undefined)
    await another.connect()
    const others = [other.store, redisStore(another, { prefix })]
    const claimByOthers = () => Promise.all(others.map((each) => each.claim('moving', { nonce: 'other', ...long })))
    const bothBusy = others.map(() => expect.objectContaining({ status: 'busy' }) as unknown)
    const mine = await claimed(store, 'moving')
    expect(await claimByOthers()).toEqual(bothBusy)

    const key = `${prefix}moving`
    const slot = await client.cluster('KEYSLOT', key)
    const ids = await Promise.all(nodes.map((node) => node.cluster('MYID')))
    const source = Math.floor(slot / 5461)
    const target = (source + 1) % 3
    const [from, to] = [nodes[source], nodes[target]]
    if (!from || !to) throw new Error(`slot ${slot} is nobody's`)
    await to.cluster('SETSLOT', slot, 'IMPORTING', String(ids[source]))
    await from.cluster('SETSLOT', slot, 'MIGRATING', String(ids[target]))
    expect(await store.renew(mine, 60_000)).toBe(true)
    await from.migrate('127.0.0.1', addresses[target]?.split(':')[1] ?? '', key, 0, 5_000)
    // The slot is still the one's, and the record the other's.
    expect(await claimByOthers()).toEqual(bothBusy)
    expect(await store.renew(mine, 60_000)).toBe(true)
    for (const node of [to, from]) await node.cluster('SETSLOT', slot, 'NODE', String(ids[target]))
    expect(await store.complete(mine, 60_000)).toBe(true)
    expect(await claimByOthers()).toEqual([{ status: 'duplicate' }, { status: 'duplicate' }])
    close()
    other.close()
    another.destroy()
  })

  test('what is asked while it is away is answered or refused, and when it is back its clients need no care', async () => {
    const { store, close } = open(addresses, { clusterRetryStrategy: () => 50 })
    const mine = await claimed(store, 'kept')
    await server.kill()
    // Where no node is left at all, ioredis keeps what it is asked until one is.
    const asked = store.renew(mine, 60_000).catch(() => 'refused')
    await server.restart()
    expect([true, 'refused']).toContain(await asked)
    await expect.poll(() => store.renew(mine, 60_000).catch(() => 'refused'), { timeout: 20_000 }).toBe(true)
    expect(await store.claim('kept', { nonce: 'other', ...long })).toMatchObject({ status: 'busy' })
    expect(await store.complete(mine, 60_000)).toBe(true)
    close()
  })
})

/** The first of three free ports in a row, whose buses have free ones, too. None of them is one that the system gives to a client. */
async function freeClusterPort(): Promise<number> {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 10_000)
    const taken = [0, 1, 2].flatMap((index) => [first + index, first + index + 10_000])
    if ((await Promise.all(taken.map(isFree))).every(Boolean)) return first
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listening = createServer()
    listening.once('error', () => resolve(false))
    listening.listen(port, '127.0.0.1', () => listening.close(() => resolve(true)))
  })
}
