import { Redis } from 'ioredis'
import { install } from './packages.js'
import { ask } from './run.js'
import { runServer, type Server } from './server.js'

export interface RedisOptions {
  readonly port: number
  /** Its data, log and pid; data from an earlier run are used again. */
  readonly dir: string
  /** More arguments of redis-server, such as `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[]
}

export async function startRedis({ port, dir, args = [] }: RedisOptions): Promise<Server> {
  needRedis()
  return runServer({
    name: 'Redis',
    host: '127.0.0.1',
    port,
    dir,
    command: 'redis-server',
    // The append-only file is written before a reply is sent, so what was acknowledged outlives a SIGKILL.
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes', ...args],
    readyInMs: 20_000,
    fault: () => redisFault(`redis://127.0.0.1:${port}`),
  })
}

export function needRedis(): void {
  if (ask('redis-server', '--version') !== undefined) return
  throw new Error('redis-server is missing: run `npm run services` once, or install it (on Debian: apt-get install redis-server)')
}

export async function installRedis(): Promise<void> {
  if (ask('redis-server', '--version') === undefined) await install('redis-server', ['redis-server'])
}

/** Why the Redis at this address cannot be used; undefined when it answers to what it is asked. */
export async function redisFault(
  url: string,
  probe: (client: Redis) => Promise<unknown> = (client) => client.ping(),
): Promise<string | undefined> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: 2_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  let reason: Error | undefined
  client.on('error', (error: Error) => (reason = error))
  try {
    await client.connect()
    await probe(client)
    return undefined
  } catch (error) {
    return (reason ?? (error as Error)).message
  } finally {
    client.disconnect()
  }
}
