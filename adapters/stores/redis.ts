import { refuseUnless } from '../../src/index.js'
import { Call, openAsking, unexpected } from './redis/asking.js'
import { checkEviction, checkPipelining, checkReplication } from './redis/check.js'
import { openClient } from './redis/clients.js'
import type { Claim, ClaimResult, Store } from '../../src/index.js'
import type { AnyRedisClient } from './redis/clients.js'
import type { Step } from './redis/asking.js'
import type { StepName } from './redis/scripts.js'

export type { NodeRedisClient, NodeRedisClusterClient, NodeRedisPrimary, RedisClient, RedisClusterClient } from './redis/clients.js'

export interface RedisStoreOptions {
  /** What every Redis key of this store begins with; at least one character. @default 'hapax:' */
  readonly prefix?: string | undefined
  /**
   * What to do about a server that deletes keys when its memory is full, and so forgets claims and consumed keys: `refuse` to consume, or
   * `accept` that messages are then handled twice. @default 'refuse'
   */
  readonly whenEvicting?: 'refuse' | 'accept' | undefined
  /**
   * Whether calls of one turn of the event loop become one script. `false` is for a proxy that spreads keys over several servers without
   * knowing all keys of a script, such as twemproxy and Envoy. A Redis Cluster client is asked for each key alone in any case. @default true
   */
  readonly coalesce?: boolean | undefined
}

/**
 * Keeps claims in Redis or Valkey, with one script call per step, or one for many steps that are taken at the same time. `client` is one of
 * ioredis (`Redis`, `Cluster`) or of node-redis (`createClient`, `createCluster`), connected. Each record is one string, readable with GET:
 *
 *     consuming <token> <lease end> <attempts> <lapses> <memory> <nonce>
 *     released <token> <rest end> <attempts> <lapses> <memory> <nonce>
 *     <token>                                                              consumed: an integer, so that it takes less memory
 *
 * Times are the server's, in milliseconds since 1970. Redis may lose the last writes when it crashes or fails over; a claim or a consumed
 * key lost that way is handled again.
 *
 * Throws a `ConfigurationError` for options that cannot be. Whatever the client rejects with is thrown by the step: how long a server may be
 * away before it does is the client's to say (`maxRetriesPerRequest`, `commandTimeout`).
 */
export function redisStore(client: AnyRedisClient, options: RedisStoreOptions = {}): Store {
  const server = openClient(client)
  refuseUnless.options(options, "{ prefix: 'hapax:' }")
  const { prefix = 'hapax:', whenEvicting = 'refuse', coalesce = true } = options
  refuseUnless.text('prefix', prefix, { good: 'hapax:' })
  refuseUnless.oneOf('whenEvicting', whenEvicting, ['refuse', 'accept'])
  refuseUnless.boolean('coalesce', coalesce, true)

  const asking = openAsking(server, coalesce)
  // Never behind others: a claim that is not renewed in time is lost.
  const askingToRenew = openAsking(server, coalesce)
  /** The steps of a claim that is had. */
  const having = (name: StepName, ask = asking): ((claim: Claim, ...terms: readonly number[]) => Promise<boolean>) => {
    const step: Step<boolean> = { name, read: readDone }
    return ({ record, token }, ...terms) => ask(new Call(step, record, prefix + record, terms, String(token)))
  }
  const renew = having('renew', askingToRenew)
  const complete = having('complete')
  const release = having('release')

  return {
    async check(warn) {
      const primaries = await server.primaries()
      if (server.spread) await checkPipelining(server, prefix)
      for (const primary of primaries) {
        await checkReplication(primary, warn)
        if (whenEvicting === 'refuse') await checkEviction(primary, warn)
      }
    },
    claim(record, { nonce, leaseMs, memoryMs }) {
      const [lease, memory] = [wholeMs(leaseMs), wholeMs(memoryMs)]
      return asking(new Call(claimStep, record, prefix + record, [lease, memory, lease + memory], nonce))
    },
    renew: (claim, leaseMs) => renew(claim, wholeMs(leaseMs)),
    complete: (claim, windowMs) => complete(claim, wholeMs(windowMs)),
    release: (claim, { attempts, lapses, restMs }) => release(claim, Math.ceil(restMs), attempts, lapses),
  }
}

/** Redis takes neither fractions of a millisecond nor an expiry of none. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}

const claimStep: Step<ClaimResult> = { name: 'claim', read: readClaim }

function readDone(said: string): boolean {
  if (said !== '0' && said !== '1') throw unexpected(said)
  return said === '1'
}

function readClaim(said: string, record: string): ClaimResult {
  if (said === 'duplicate') return { status: 'duplicate' }
  if (said.startsWith('busy ')) return { status: 'busy', retryInMs: wholeNumber(said.slice(5), said) }
  // Most keys are new, and have no counts yet.
  if (!said.includes(' ')) return { status: 'claimed', claim: { record, token: wholeNumber(said, said), attempts: 0, lapses: 0 } }
  const [token, attempts, lapses] = said.split(' ').map((each) => wholeNumber(each, said))
  if (token === undefined || attempts === undefined || lapses === undefined) throw unexpected(said)
  return { status: 'claimed', claim: { record, token, attempts, lapses } }
}

function wholeNumber(text: string, said: string): number {
  const number = Number(text)
  if (text === '' || !Number.isSafeInteger(number)) throw unexpected(said)
  return number
}
