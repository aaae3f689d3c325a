import { Cluster, Redis } from 'ioredis'
import { redisClusterNodes, redisUrl } from '../../test/services/places.js'
import type { OpenStage } from './stage.js'

/** The Redis of `npm run services`. Others use it: only what begins with the name of a run is removed. */
export const redisStage: OpenStage = async () => {
  const client = new Redis(redisUrl)
  return {
    servers: { Redis: await describe(client) },
    prepare: async () => ({ redis: redisUrl }),
    tidy: (run) => removeKeys(client, run),
    close: async () => client.disconnect(),
  }
}

export const redisClusterStage: OpenStage = async () => {
  const client = new Cluster([...redisClusterNodes])
  const nodes = (): Redis[] => client.nodes('master')
  await new Promise((resolve) => client.once('ready', resolve))
  const [first] = nodes()
  return {
    servers: first ? { 'Redis Cluster': `${await describe(first)}, ${nodes().length} primaries` } : {},
    prepare: async () => ({ redisCluster: redisClusterNodes.join(',') }),
    tidy: async (run) => void (await Promise.all(nodes().map((node) => removeKeys(node, run)))),
    close: async () => client.disconnect(),
  }
}

export async function describe(client: Redis): Promise<string> {
  const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1]
  const of = async (name: string): Promise<string> => String((await client.config('GET', name))[1])
  return `${version}, appendonly ${await of('appendonly')}, appendfsync ${await of('appendfsync')}`
}

async function removeKeys(client: Redis, prefix: string): Promise<void> {
  for await (const keys of client.scanStream({ match: `${prefix}*`, count: 5_000 }) as AsyncIterable<string[]>) {
    // One by one, as those of a cluster are in different slots.
    const pipeline = client.pipeline()
    for (const key of keys) pipeline.unlink(key)
    await pipeline.exec()
  }
}
