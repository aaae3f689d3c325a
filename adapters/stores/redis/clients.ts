import { ConfigurationError, refuseUnless } from '../../../src/index.js'

/** The part of an ioredis client that this store needs: a `Redis` connected to a primary. */
export interface RedisClient {
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  evalsha(sha1: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  info(section: string): Promise<string>
}

/** The part of an ioredis `Cluster` that this store needs. */
export interface RedisClusterClient extends RedisClient {
  nodes(role: 'master'): readonly RedisClient[]
}

/** The part of a node-redis client that this store needs: what `createClient` or `createClientPool` gave, connected. */
export interface NodeRedisClient extends NodeRedisScripts {
  info(section: string): Promise<unknown>
}

/** The part of a node-redis cluster client that this store needs: what `createCluster` gave, connected. */
export interface NodeRedisClusterClient extends NodeRedisScripts {
  readonly masters: readonly NodeRedisPrimary[]
  nodeClient(primary: NodeRedisPrimary): NodeRedisClient | Promise<NodeRedisClient>
}

/** One server of a node-redis cluster that holds records. */
export interface NodeRedisPrimary {
  readonly address: string
}

interface NodeRedisScripts {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** Whatever client was handed in, asked in one way. */
export interface Client {
  eval(script: string, keys: string[], values: string[]): Promise<unknown>
  evalsha(sha1: string, keys: string[], values: string[]): Promise<unknown>
  /** Whether keys are on several servers, so that a script has one key only. */
  readonly spread: boolean
  /** All servers that hold records. */
  primaries(): Promise<readonly Primary[]>
}

export interface Primary {
  info(section: string): Promise<unknown>
}

export type AnyRedisClient = RedisClient | RedisClusterClient | NodeRedisClient | NodeRedisClusterClient

const good =
  "new Redis('redis://localhost:6379') of ioredis, or await createClient({ url: 'redis://localhost:6379' }).connect() of node-redis"

/** Tells by its methods what was handed in. */
export function openClient(client: AnyRedisClient): Client {
  if (!has(client, 'evalSha')) {
    refuseUnless.methods('client', client, ['eval', 'evalsha', 'info'], good)
    return ofIoredis(client as RedisClient | RedisClusterClient)
  }
  const isCluster = has(client, 'masters')
  refuseUnless.methods('client', client, ['eval', 'evalSha', isCluster ? 'nodeClient' : 'info'], good)
  return ofNodeRedis(client as NodeRedisClient | NodeRedisClusterClient)
}

function has(client: unknown, name: string): boolean {
  return typeof client === 'object' && client !== null && name in client
}

function ofIoredis(client: RedisClient | RedisClusterClient): Client {
  return {
    eval: (script, keys, values) => client.eval(script, keys.length, ...keys, ...values),
    evalsha: (sha1, keys, values) => client.evalsha(sha1, keys.length, ...keys, ...values),
    spread: 'nodes' in client,
    async primaries() {
      if (!('nodes' in client)) return [client]
      // A cluster client learns of its nodes while it connects, and only a command waits for that.
      await client.eval('return 1', 0)
      return client.nodes('master')
    },
  }
}

function ofNodeRedis(client: NodeRedisClient | NodeRedisClusterClient): Client {
  const connected = (): NodeRedisScripts => {
    // A cluster client that knows no nodes yet fails in ways of its own.
    if ('masters' in client && client.masters.length === 0) throw notConnected()
    return client
  }
  return {
    eval: async (script, keys, values) => connected().eval(script, { keys, arguments: values }),
    evalsha: async (sha1, keys, values) => connected().evalSha(sha1, { keys, arguments: values }),
    spread: 'masters' in client,
    async primaries() {
      connected()
      if ('isOpen' in client && client.isOpen === false) throw notConnected()
      return 'masters' in client ? Promise.all(client.masters.map(async (primary) => client.nodeClient(primary))) : [client]
    },
  }
}

/** Unlike ioredis it does not connect by itself. */
function notConnected(): ConfigurationError {
  return new ConfigurationError('client', 'client is a node-redis client that is not connected; await client.connect() before it is used')
}

/** Clients can be told to give texts as bytes. */
export function textOf(reply: unknown): string {
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : String(reply)
}
