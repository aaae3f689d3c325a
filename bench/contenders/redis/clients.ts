import { Cluster, Redis } from 'ioredis'
import { createClient } from 'redis'
import { redisStore } from 'hapax/stores/redis'
import { setting } from '../../contract.js'
import type { Store } from 'hapax'
import type { Given } from '../../contract.js'

/** As its users open it. */
export function openIoredis({ settings }: Given): Redis {
  return new Redis(setting(settings, 'redis'), { enableAutoPipelining: settings['autoPipelining'] === 'yes' })
}

export async function openCluster({ settings }: Given): Promise<Cluster> {
  const nodes = setting(settings, 'redisCluster').split(',')
  const cluster = new Cluster([...nodes], { enableAutoPipelining: settings['autoPipelining'] === 'yes' })
  await new Promise((resolve) => cluster.once('ready', resolve))
  return cluster
}

/** Its timer for each command is turned off: it is the client's price, not that of what is built on it. */
export async function openNodeRedis({ settings }: Given) {
  const client = createClient({ url: setting(settings, 'redis'), commandOptions: { timeout: 0 } })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

export type NodeRedis = Awaited<ReturnType<typeof openNodeRedis>>

/** By the client that the scenario asks for. */
export async function openStore(given: Given): Promise<{ readonly store: Store; close(): Promise<unknown> }> {
  const prefix = `${given.name}:`
  if (given.settings['client'] === 'node-redis') {
    const client = await openNodeRedis(given)
    return { store: redisStore(client, { prefix }), close: async () => client.destroy() }
  }
  const client = given.settings['client'] === 'cluster' ? await openCluster(given) : openIoredis(given)
  return { store: redisStore(client, { prefix }), close: async () => client.disconnect() }
}
