import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { storeSuite } from 'hapax/testing'
import { startRedis } from '../../services/redis.js'
import type { ClusterOptions } from 'ioredis'
import type { AddressInfo } from 'node:net'
import type { Server } from '../../services/server.js'

/** Two primaries, each with half of the slots. */
const dir = mkdtempSync(join(tmpdir(), 'hapax-cluster-'))
const ports = [await freePort(), await freePort()] as const
const servers: Server[] = []
const nodes = ports.map((port) => new Redis({ port, host: '127.0.0.1', lazyConnect: true }))

beforeAll(async () => {
  for (const port of ports) {
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]
    servers.push(await startRedis({ port, dir: join(dir, String(port)), args }))
  }
  const [one, two] = nodes
  if (!one || !two) throw new Error('two nodes are needed')
  await one.cluster('ADDSLOTSRANGE', 0, 8191)
  await two.cluster('ADDSLOTSRANGE', 8192, 16383)
  const [, bus = ''] = /@(\d+)/.exec(String(await two.cluster('NODES'))) ?? []
  await one.cluster('MEET', '127.0.0.1', ports[1], bus)
  for (const node of nodes) while (!(await node.cluster('INFO')).includes('cluster_slots_ok:16384')) await sleep(50)
  for (const node of nodes) while (!(await node.cluster('INFO')).includes('cluster_state:ok')) await sleep(50)
})
afterAll(async () => {
  for (const node of nodes) node.disconnect()
  for (const server of servers) await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listening = createServer().listen(0, '127.0.0.1', () => {
      const { port } = listening.address() as AddressInfo
      listening.close(() => resolve(port))
    })
  })
}

type Options = Pick<ClusterOptions, 'enableAutoPipelining' | 'scaleReads' | 'clusterRetryStrategy'>

function open(options: Options = {}) {
  const client = new Cluster([{ port: ports[0], host: '127.0.0.1' }], options)
  client.on('error', () => undefined)
  return { client, store: redisStore(client), close: () => client.disconnect() }
}

const clients: Record<string, Options> = {
  'a Cluster as it comes': {},
  'a Cluster that pipelines, and reads from replicas': { enableAutoPipelining: true, scaleReads: 'all' },
}

for (const [name, options] of Object.entries(clients)) {
  describe(name, () => {
    const suite = storeSuite({
      open: () => open(options),
      openUnreachable() {
        const client = new Cluster([{ port: 1, host: '127.0.0.1' }], { ...options, clusterRetryStrategy: () => null })
        client.on('error', () => undefined)
        return { store: redisStore(client), close: () => client.disconnect() }
      },
      async forget(record) {
        const { client, close } = open()
        await client.del(`hapax:${record}`)
        close()
      },
    })
    for (const each of suite) test(each.name, each.run)
  })
}

test('every primary is checked, by a client that has not connected yet, too', async () => {
  for (const node of nodes) {
    await node.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'volatile-ttl')
    const { store, close } = open()
    await expect(store.check(expect.fail)).rejects.toThrow('maxmemory-policy volatile-ttl')
    close()
    await node.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
  }
})

test('a primary that has forgotten the scripts is sent them again', async () => {
  const { store, close } = open()
  const claimAll = (nonce: string) =>
    Promise.all(Array.from({ length: 20 }, (_, index) => store.claim(`flushed-${index}`, { nonce, leaseMs: 60_000, memoryMs: 60_000 })))
  const before = await claimAll('one')
  for (const node of nodes) await node.script('FLUSH')
  expect(await claimAll('one')).toEqual(before)
  close()
})
