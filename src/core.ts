import { endTooLong } from './run.js'
import { openAnswering } from './retry.js'
import { openDeadlines } from './deadlines.js'
import { openHooks } from './hooks.js'
import { openOutage } from './outage.js'
import { openTwins } from './twins.js'
import { refuse, refuseUnless } from './options.js'
import { refuseUnlessRuntime, systemRuntime } from './runtime.js'
import { wakeLease } from './lease.js'
import type { Answering } from './retry.js'
import type { HandlerOptions, Settings } from './handler.js'
import type { Hooks } from './hooks.js'
import type { Lane } from './deadlines.js'
import type { Lease } from './lease.js'
import type { Outage } from './outage.js'
import type { Policy } from './decide.js'
import type { Runtime } from './runtime.js'
import type { Running } from './run.js'
import type { Store } from './store.js'
import type { Twins } from './twins.js'

/** What all deliveries of one wrapped handler share: its settings, checked, and what it remembers in this process. */
export interface Core extends Policy, Settings {
  readonly scope: string
  readonly store: Store
  readonly storeTimeoutMs: number
  readonly recordTimeoutMs: number
  readonly overdueMs: number
  readonly whenStoreFails: 'hold' | 'run'
  readonly runtime: Runtime
  readonly hooks: Hooks
  readonly outage: Outage
  readonly twins: Twins
  /** Waits for the store's answers, for `storeTimeoutMs` each. */
  readonly answering: Answering
  /** The next renewals of the leases that are held, and the ends of the runs that are under way. */
  readonly renewals: Lane<Lease>
  readonly runs: Lane<Running>
}

/** What every store can reckon with, whatever kind of numbers it has; and with it lease and retry delays, which are shorter. */
const longestMs = 2 ** 50

const storeMethods = ['check', 'claim', 'renew', 'complete', 'release']

export function openCore(
  options: Omit<HandlerOptions<never>, 'key'> & {
    readonly key: unknown
    readonly store: Store
    readonly whenStoreFails?: 'hold' | 'run' | undefined
  },
  moreStoreMethods: readonly string[] = [],
): Core {
  refuseUnless.options(options, '{ store, scope, key }')
  // Before the defaults that are made of them.
  const { leaseMs = 30_000, maxRunMs = 900_000 } = options
  refuseUnless.wholeNumber('leaseMs', leaseMs, { least: 50, good: 30_000 })
  refuseUnless.wholeNumber('maxRunMs', maxRunMs, { least: 1, good: 900_000 })
  const {
    scope,
    store,
    windowMs = 86_400_000,
    maxAttempts = 5,
    retryDelaysMs = [1_000, 10_000, 60_000, 600_000],
    maxLapses = 5,
    storeTimeoutMs = Math.min(5_000, Math.floor(leaseMs / 6)),
    recordTimeoutMs = twice(leaseMs),
    overdueMs = twice(maxRunMs),
    whenBusy = 'postpone',
    whenFailed = 'postpone',
    whenStoreFails = 'hold',
    runtime = systemRuntime,
  } = options

  refuseUnless.methods('store', store, [...storeMethods, ...moreStoreMethods], 'memoryStore(), or redisStore(redis)')
  refuseUnless.text('scope', scope, { most: 200, good: 'billing.charge' })
  refuseUnless.function('key', options.key, '(order) => order.id')
  if (options.onOutcome !== undefined) refuseUnless.function('onOutcome', options.onOutcome, '(outcome) => log(outcome)')
  if (options.onTrouble !== undefined) refuseUnless.function('onTrouble', options.onTrouble, '(trouble) => log(trouble.message)')
  refuseUnless.wholeNumber('windowMs', windowMs, { least: 1, most: longestMs, good: 86_400_000 })
  refuseUnless.wholeNumber('maxAttempts', maxAttempts, { least: 1, good: 5 })
  refuseUnless.wholeNumber('maxLapses', maxLapses, { least: 1, good: 5 })
  refuseUnless.wholeNumbers('retryDelaysMs', retryDelaysMs, { least: 1, good: [1_000, 10_000, 60_000, 600_000] })
  refuseUnless.wholeNumber('recordTimeoutMs', recordTimeoutMs, { least: 0, good: 60_000 })
  refuseUnless.wholeNumber('overdueMs', overdueMs, { least: 1, good: 1_800_000 })
  refuseUnless.oneOf('whenBusy', whenBusy, ['postpone', 'wait'])
  refuseUnless.oneOf('whenFailed', whenFailed, ['postpone', 'wait'])
  refuseUnless.oneOf('whenStoreFails', whenStoreFails, ['hold', 'run'])
  refuseUnlessRuntime(runtime)
  refuseUnless.methods('runtime.gate', runtime.gate, ['tryEnter', 'enter'], 'openRuntime()')
  // Renewals begin after a third of the lease: with a quarter for each answer, two may fail before it is over.
  refuseUnless.wholeNumber('storeTimeoutMs', storeTimeoutMs, { least: 1, most: Math.floor(leaseMs / 4), good: Math.floor(leaseMs / 6) })
  const retriesMs = totalDelayMs(retryDelaysMs, maxAttempts)
  const leastMs = leaseMs + retriesMs
  if (windowMs < leastMs) {
    throw refuse(
      'windowMs',
      windowMs,
      `at least the lease and all retry delays together (${leaseMs} + ${retriesMs} ms), or a message is forgotten while its copies are still on their way`,
      leastMs <= longestMs ? Math.max(86_400_000, leastMs) : 'a smaller maxAttempts, or shorter retryDelaysMs and leaseMs',
    )
  }

  const hooks = openHooks(options)
  const deadlines = openDeadlines(runtime.clock)
  return {
    scope,
    store,
    windowMs,
    leaseMs,
    maxAttempts,
    retryDelaysMs,
    maxRunMs,
    maxLapses,
    storeTimeoutMs,
    recordTimeoutMs,
    overdueMs,
    whenBusy,
    whenFailed,
    whenStoreFails,
    runtime,
    hooks,
    outage: openOutage(hooks, scope),
    twins: openTwins(),
    answering: openAnswering(deadlines, storeTimeoutMs),
    renewals: deadlines.lane(wakeLease),
    runs: deadlines.lane(endTooLong),
  }
}

/** As the default of another option. */
function twice(ms: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, ms * 2)
}

function totalDelayMs(delaysMs: readonly number[], maxAttempts: number): number {
  let total = 0
  for (let attempt = 1; attempt < maxAttempts; attempt += 1) {
    // Beyond the list every further pause is the last one.
    if (attempt > delaysMs.length) return total + (maxAttempts - attempt) * (delaysMs.at(-1) ?? 0)
    total += delaysMs[attempt - 1] ?? 0
  }
  return total
}
