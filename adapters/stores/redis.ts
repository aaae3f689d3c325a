// oxlint-disable-next-line no-restricted-imports -- the server knows a script by its SHA-1
import { createHash } from 'node:crypto'
import { ConfigurationError, messageOf, refuseUnless } from '../../src/index.js'
import type { Claim, ClaimResult, Store } from '../../src/index.js'

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

export interface RedisStoreOptions {
  /** What every Redis key of this store begins with; at least one character. @default 'hapax:' */
  readonly prefix?: string | undefined
  /**
   * What to do about a server that deletes keys when its memory is full, and so forgets claims and consumed keys: `refuse` to consume, or
   * `accept` that messages are then handled twice. @default 'refuse'
   */
  readonly whenEvicting?: 'refuse' | 'accept' | undefined
}

/**
 * Keeps claims in Redis or Valkey (ioredis 5 or 6), with one script call per step. Each record is one string, readable with GET:
 *
 *     consuming <token> <lease end> <attempts> <lapses> <memory> <nonce>
 *     released <token> <rest end> <attempts> <lapses> <memory> <nonce>
 *     consumed <token>
 *
 * Times are the server's, in milliseconds since 1970. Redis may lose the last writes when it crashes or fails over; a claim or a consumed
 * key lost that way is handled again.
 *
 * Throws a `ConfigurationError` for options that cannot be. Whatever the client rejects with is thrown by the step: how long a server may be
 * away before it does is the client's to say (`maxRetriesPerRequest`, `commandTimeout`).
 */
export function redisStore(client: RedisClient | RedisClusterClient, options: RedisStoreOptions = {}): Store {
  refuseUnless.methods('client', client, ['eval', 'evalsha', 'info'], "new Redis('redis://localhost:6379') of ioredis")
  refuseUnless.options(options, "{ prefix: 'hapax:' }")
  const { prefix = 'hapax:', whenEvicting = 'refuse' } = options
  refuseUnless.text('prefix', prefix, { good: 'hapax:' })
  refuseUnless.oneOf('whenEvicting', whenEvicting, ['refuse', 'accept'])

  /** A server that was restarted, or took over, knows no scripts; one that is sent a script in full knows it from then on. */
  const run = async ({ text, sha1 }: Script, record: string, ...values: readonly (string | number)[]): Promise<unknown> => {
    const sent = [prefix + record, ...values.map(String)]
    try {
      return await client.evalsha(sha1, 1, ...sent)
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return client.eval(text, 1, ...sent)
    }
  }
  const done = async (script: Script, claim: Claim, ...values: readonly (string | number)[]): Promise<boolean> => {
    const answer = wholeNumber(await run(script, claim.record, claim.token, ...values))
    if (answer !== 0 && answer !== 1) throw unexpected(answer)
    return answer === 1
  }

  return {
    async check(warn) {
      for (const node of await primaries(client, prefix)) {
        await checkReplication(node, warn)
        if (whenEvicting === 'refuse') await checkEviction(node, warn)
      }
    },
    async claim(record, { nonce, leaseMs, memoryMs }): Promise<ClaimResult> {
      const answer: unknown = await run(claimScript, record, wholeMs(leaseMs), wholeMs(memoryMs), nonce)
      const [status, ...numbers] = Array.isArray(answer) ? (answer as readonly unknown[]) : [answer]
      const [first, attempts, lapses] = numbers.map(wholeNumber)
      if (status === 'claimed' && first !== undefined && attempts !== undefined && lapses !== undefined)
        return { status, claim: { record, token: first, attempts, lapses } }
      if (status === 'busy' && first !== undefined) return { status, retryInMs: first }
      if (status === 'duplicate') return { status }
      throw unexpected(answer)
    },
    renew: (claim, leaseMs) => done(renewScript, claim, wholeMs(leaseMs)),
    complete: (claim, windowMs) => done(completeScript, claim, wholeMs(windowMs)),
    release: (claim, { attempts, lapses, restMs }) => done(releaseScript, claim, Math.ceil(restMs), attempts, lapses),
  }
}

/** Redis takes neither fractions of a millisecond nor an expiry of none. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}

/** With `stringNumbers`, ioredis gives integers as text. */
function wholeNumber(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number
  throw unexpected(value)
}

function unexpected(answer: unknown): Error {
  return new Error(`Redis gave an answer that a script of Hapax never gives: ${JSON.stringify(answer)}`)
}

async function primaries(client: RedisClient | RedisClusterClient, prefix: string): Promise<readonly RedisClient[]> {
  if (!('nodes' in client)) return [client]
  // A cluster client learns of its nodes while it connects, and only a command waits for that.
  await client.eval('return 1', 0)
  await checkPipelining(client, prefix)
  return client.nodes('master')
}

/** ioredis before 5.11 tells by its first argument where a command goes that it pipelines by itself. A script's is no key, and so it would fail under load only. */
async function checkPipelining(client: RedisClusterClient, prefix: string): Promise<void> {
  try {
    await Promise.all(Array.from({ length: 16 }, (_, index) => client.eval('return 1', 1, `${prefix}${index}`)))
  } catch (error) {
    if (!messageOf(error).startsWith('All keys in the pipeline')) throw error
    throw new ConfigurationError(
      'client',
      'client is a Cluster with enableAutoPipelining of an ioredis that pipelines no scripts on a cluster; use ioredis 5.11 or newer, or turn that off',
      { cause: error },
    )
  }
}

async function checkReplication(node: RedisClient, warn: (message: string) => void): Promise<void> {
  const [role] = await readInfo(node, 'replication', ['role'], warn)
  if (role !== 'slave') return
  throw new ConfigurationError(
    'client',
    'client is connected to a read-only replica, where nothing can be claimed; connect it to the primary',
  )
}

async function checkEviction(node: RedisClient, warn: (message: string) => void): Promise<void> {
  const [maxmemory, policy] = await readInfo(node, 'memory', ['maxmemory', 'maxmemory_policy'], warn)
  if (maxmemory === undefined || maxmemory === '0' || policy === undefined || policy === 'noeviction') return
  throw new ConfigurationError(
    'whenEvicting',
    `The Redis server deletes keys when its memory is full (maxmemory ${maxmemory}, maxmemory-policy ${policy}): it would forget claims and ` +
      `consumed keys, and messages would be handled twice. Set maxmemory-policy to noeviction, or use a server of its own; ` +
      `whenEvicting: 'accept' takes the risk`,
  )
}

/** Fields of a section of INFO. What the server does not tell us is told to `warn`, and missing. */
async function readInfo(
  node: RedisClient,
  section: string,
  fields: readonly string[],
  warn: (message: string) => void,
): Promise<readonly (string | undefined)[]> {
  const unread = (why: string): void =>
    warn(`Redis does not tell ${fields.join(' and ')} (INFO ${section}: ${why}); see to it that it is a primary that does not evict keys`)
  try {
    const text = await node.info(section)
    const values = fields.map((field) => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1])
    if (values.includes(undefined)) unread('not there')
    return values
  } catch (error) {
    if (!/^(NOPERM|ERR unknown command)/i.test(messageOf(error))) throw error
    unread(messageOf(error))
    return []
  }
}

interface Script {
  readonly text: string
  readonly sha1: string
}

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/** Lua's numbers are doubles: `%.0f` writes them in full, where `tostring` would write 1.7e+15. A record that cannot be read is a fault. */
const reading = `
local value = redis.call('GET', KEYS[1])
local state, token, rest
if value then
  state, token, rest = string.match(value, '^(%a+) (%d+)(.*)$')
  if state ~= 'consumed' and state ~= 'consuming' and state ~= 'released' then
    return redis.error_reply('ERR the record ' .. KEYS[1] .. ' was not written by Hapax')
  end
end
local function fields()
  local untilMs, attempts, lapses, memoryMs, nonce = string.match(rest, '^ (%d+) (%d+) (%d+) (%d+) (.*)$')
  return tonumber(untilMs), attempts, lapses, memoryMs, nonce
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), time[1] * 1000000 + time[2]
end
`

/**
 * KEYS[1] record. ARGV lease ms, memory ms, nonce.
 * Answers { 'claimed', token, attempts, lapses } | { 'busy', ms left } | { 'duplicate' }.
 */
const claimScript = script(`${reading}
if state == 'consumed' then return { 'duplicate' } end
local nowMs, nowUs = now()
local claimed, attempts, lapses = nowUs, '0', '0'
if state then
  local untilMs, memoryMs, nonce
  untilMs, attempts, lapses, memoryMs, nonce = fields()
  local again = nonce == ARGV[3]
  if state == 'consuming' and again then
    claimed = tonumber(token)
  elseif untilMs > nowMs or again then
    return { 'busy', math.max(1, untilMs - nowMs) }
  else
    claimed = math.max(nowUs, token + 1)
    if state == 'consuming' then lapses = lapses + 1 end
  end
end
local head = string.format('consuming %.0f %.0f ', claimed, nowMs + ARGV[1])
redis.call('SET', KEYS[1], head .. attempts .. ' ' .. lapses .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', string.format('%.0f', ARGV[1] + ARGV[2]))
return { 'claimed', claimed, tonumber(attempts), tonumber(lapses) }
`)

/** KEYS[1] record. ARGV token, lease ms. Answers 1, or 0 when the claim does not hold the record. */
const renewScript = script(`${reading}
if state ~= 'consuming' or token ~= ARGV[1] then return 0 end
local _, attempts, lapses, memoryMs, nonce = fields()
local head = string.format('consuming %s %.0f ', token, now() + ARGV[2])
redis.call('SET', KEYS[1], head .. attempts .. ' ' .. lapses .. ' ' .. memoryMs .. ' ' .. nonce, 'PX', string.format('%.0f', ARGV[2] + memoryMs))
return 1
`)

/** KEYS[1] record. ARGV token, window ms. Answers 1, or 0 when there is a newer claim. */
const completeScript = script(`${reading}
if state then
  if tonumber(token) > tonumber(ARGV[1]) then return 0 end
  if state == 'consumed' and token == ARGV[1] then return 1 end
end
redis.call('SET', KEYS[1], 'consumed ' .. ARGV[1], 'PX', ARGV[2])
return 1
`)

/** KEYS[1] record. ARGV token, rest ms, attempts, lapses. Answers 1, or 0 when the claim does not hold the record. */
const releaseScript = script(`${reading}
if state ~= 'consuming' or token ~= ARGV[1] then return 0 end
local _, _, _, memoryMs, nonce = fields()
local head = string.format('released %s %.0f ', token, now() + ARGV[2])
redis.call('SET', KEYS[1], head .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. memoryMs .. ' ' .. nonce, 'PX', string.format('%.0f', ARGV[2] + memoryMs))
return 1
`)
