import { fileURLToPath } from 'node:url'
import { needRedis, redisFault } from './redis.js'
import { runServer, type Server } from './server.js'

export interface RedisClusterOptions {
  /** The first node's. The others take the two after it; each has a bus at its port + 10,000. */
  readonly port: number
  /** The nodes' data, log and pid; data from an earlier run on the same ports are used again. */
  readonly dir: string
}

const program = fileURLToPath(new URL('redis-cluster/run.sh', import.meta.url))

/** Three primaries, in one family of processes. */
export async function startRedisCluster({ port, dir }: RedisClusterOptions): Promise<Server> {
  needRedis()
  return runServer({
    name: 'Redis Cluster',
    host: '127.0.0.1',
    port,
    dir,
    command: 'sh',
    args: [program, String(port), '--bind', '127.0.0.1'],
    readyInMs: 30_000,
    fault: () => redisClusterFault([port, port + 1, port + 2].map((each) => `127.0.0.1:${each}`)),
  })
}

/** Why the cluster of these nodes cannot be used; undefined when each of them answers and sees all slots served. */
export async function redisClusterFault(nodes: readonly string[]): Promise<string | undefined> {
  for (const node of nodes) {
    const fault = await redisFault(`redis://${node}`, async (client) => {
      const info = await client.cluster('INFO')
      if (!info.includes('cluster_state:ok')) throw new Error('it does not see a whole cluster')
    })
    if (fault !== undefined) return `${node}: ${fault}`
  }
  return undefined
}
