import { openWaking } from './waking.js'
import { onAbort } from './aborts.js'
import { openHolding } from './holding.js'
import { openLanes } from './relay-lanes.js'
import { refuseUnless } from './options.js'
import { sleep, within } from './clock.js'
import { refuseUnlessRuntime, systemRuntime } from './runtime.js'
import { backOff } from './retry.js'
import type { Hooks } from './hooks.js'
import type { OutboxTable } from './outbox-table.js'
import type { Publisher } from './transport.js'
import type { Runtime } from './runtime.js'
import type { Trouble } from './outcome.js'

/** How a relay works. Durations are whole numbers of milliseconds. */
export interface RelayOptions {
  /** How long to wait before looking again when nothing waited, and the database does not tell of commits; at least 1. @default 1_000 */
  readonly pollMs?: number | undefined
  /** How many messages of one lane are read and published at once; at least 1. A relay has up to `concurrency` times 8 lanes in hand. @default 100 */
  readonly batch?: number | undefined
  /** How many groups of lanes are published side by side; at least 1. @default 2 */
  readonly concurrency?: number | undefined
  /** How long lanes are kept unless renewed: how long the messages of a killed relay wait at most. At least 1_000. @default 30_000 */
  readonly leaseMs?: number | undefined
  /** How long a publisher may take to confirm before that counts as unknown; at least 1. @default 30_000 */
  readonly publishTimeoutMs?: number | undefined
  /** How long one answer of the database is waited for; at most a quarter of the lease. @default 5_000, or a sixth of the lease if that is less */
  readonly storeTimeoutMs?: number | undefined
  /** How long a message rests after its first failure, its second, …; the last one counts for all that follow. @default [1_000, 10_000, 60_000, 600_000] */
  readonly retryDelaysMs?: readonly number[] | undefined
  /** How often a message may fail before it is set aside; at least 1. While nothing at all can be published no failure is counted. @default 10 (about an hour) */
  readonly maxFailures?: number | undefined
  /** How long messages that were published are kept in the table; with 0 they are removed at once. @default 0 */
  readonly keepSentMs?: number | undefined
  /** How long what is being published has to be confirmed at a stop. @default 10_000 */
  readonly graceMs?: number | undefined
  /** Stops the relay when it aborts, like `stop()`. */
  readonly signal?: AbortSignal | undefined
  /** Receives what goes wrong: `store-away`, `broker-away`, `recovered`, `publish-failed`, and the alarm `set-aside`. What it throws is ignored. */
  readonly onTrouble?: ((trouble: Trouble) => void) | undefined
  /** Time and chance, for tests. @default this process */
  readonly runtime?: Pick<Runtime, 'clock' | 'random'> | undefined
}

/** A relay, as long as it runs. */
export interface Relay extends AsyncDisposable {
  /** `held` while the database or the broker is away: for a readiness probe. */
  readonly status: 'running' | 'held' | 'stopping' | 'stopped'
  /** Resolves once stopped. */
  readonly done: Promise<void>
  /** Looks now, instead of at the next poll: for those who know that a transaction has just committed. */
  wake(): void
  /** Takes nothing more, waits for what is being published, gives back what is left, and resolves. May be called again. */
  stop(): Promise<void>
}

/** How long to wait at a stop for the database to end telling. */
const endMs = 2_000

export async function openRelay<Tx>(table: OutboxTable<Tx>, publisher: Publisher, options: RelayOptions, hooks: Hooks): Promise<Relay> {
  // Before the default that is made of it.
  const { leaseMs = 30_000 } = options
  refuseUnless.wholeNumber('leaseMs', leaseMs, { least: 1_000, good: 30_000 })
  const {
    pollMs = 1_000,
    batch = 100,
    concurrency = 2,
    publishTimeoutMs = 30_000,
    storeTimeoutMs = Math.min(5_000, Math.floor(leaseMs / 6)),
    retryDelaysMs = [1_000, 10_000, 60_000, 600_000],
    maxFailures = 10,
    keepSentMs = 0,
    graceMs = 10_000,
    signal,
    runtime = systemRuntime,
  } = options
  refuseUnless.methods('publisher', publisher, ['publish'], 'kafkaTransport(kafka, …), or anything with publish(messages)')
  refuseUnless.wholeNumber('pollMs', pollMs, { least: 1, good: 1_000 })
  refuseUnless.wholeNumber('batch', batch, { least: 1, most: 10_000, good: 100 })
  refuseUnless.wholeNumber('concurrency', concurrency, { least: 1, most: 64, good: 2 })
  refuseUnless.wholeNumber('publishTimeoutMs', publishTimeoutMs, { least: 1, good: 30_000 })
  refuseUnless.wholeNumber('storeTimeoutMs', storeTimeoutMs, { least: 1, most: Math.floor(leaseMs / 4), good: Math.floor(leaseMs / 6) })
  refuseUnless.wholeNumbers('retryDelaysMs', retryDelaysMs, { least: 1, good: [1_000, 10_000, 60_000, 600_000] })
  refuseUnless.wholeNumber('maxFailures', maxFailures, { least: 1, good: 10 })
  refuseUnless.wholeNumber('keepSentMs', keepSentMs, { least: 0, good: 86_400_000 })
  refuseUnless.wholeNumber('graceMs', graceMs, { least: 0, good: 10_000 })
  if (options.onTrouble !== undefined) refuseUnless.function('onTrouble', options.onTrouble, '(trouble) => log(trouble.message)')
  refuseUnless.signal('signal', signal)
  refuseUnlessRuntime(runtime)
  await table.check()

  const { clock, random } = runtime
  const stopping = new AbortController()
  const graceOver = new AbortController()
  const waking = openWaking(clock, stopping.signal)
  const holding = openHolding(hooks)
  const settings = { pollMs, batch, leaseMs, publishTimeoutMs, storeTimeoutMs, retryDelaysMs, maxFailures, keepSentMs }
  const lanes = openLanes({ table, publisher, settings, runtime, hooks, holding, stopping: stopping.signal, graceOver: graceOver.signal })

  /** Takes lanes, publishes what waits in them, gives them back, and begins again. */
  const work = async (): Promise<void> => {
    let failures = 0
    while (!stopping.signal.aborted) {
      const went = await lanes.serve()
      failures = went === 'away' ? failures + 1 : 0
      if (went === 'away') await sleep(clock, backOff(failures, random.fraction()), stopping.signal)
      if (went === 'nothing') await waking.wait(Math.ceil(pollMs * (1 - random.fraction() / 2)))
    }
  }

  let status: 'running' | 'stopping' | 'stopped' = 'running'
  const unlisten = await table.listen(() => waking.wake())
  const working = Promise.all(Array.from({ length: concurrency }, work))

  const runStop = async (): Promise<void> => {
    status = 'stopping'
    unwatch?.()
    stopping.abort()
    await within(clock, graceMs, working)
    graceOver.abort()
    await within(clock, endMs, working)
    await within(
      clock,
      endMs,
      unlisten().catch(() => undefined),
    )
    status = 'stopped'
  }
  let stopped: Promise<void> | undefined
  let end = (): void => undefined
  const done = new Promise<void>((resolve) => (end = resolve))
  const stop = (): Promise<void> => (stopped ??= runStop().then(() => end()))
  const unwatch = signal && onAbort(signal, () => void stop())
  if (signal?.aborted) await stop()

  return {
    get status() {
      return status === 'running' && holding.held ? 'held' : status
    },
    done,
    wake: () => waking.wake(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
