import { leaseContext } from './context.js'
import { Running, loseRun, runHandler } from './run.js'
import { recordConsumed } from './claiming.js'
import { whenLost } from './lease.js'
import { StoreAwayError } from './errors.js'
import type { Context, Handler } from './handler.js'
import type { Core } from './core.js'
import type { Happened } from './decide.js'
import type { Lease } from './lease.js'
import type { MessageHeaders, Origin } from './delivery.js'
import type { Steps } from './run.js'

/** One run of a handler, as both layers, `once` and `settle`, ask for it. */
export interface Call<Message> {
  readonly message: Message
  readonly key: string
  readonly record: string
  readonly attempt: number
  readonly headers: MessageHeaders
  readonly origin: Origin | undefined
  readonly lease: Lease | undefined
  /** What has not begun when this aborts is not to begin. */
  readonly signal: AbortSignal | undefined
  readonly graceOver: AbortSignal | undefined
  readonly caller: AbortSignal | undefined
  readonly abandons: boolean
  /** How long a database that is away is tried; undefined for as long as it takes. */
  readonly forMs: number | undefined
  /** Told while the store keeps a run from its end. */
  readonly onFault: ((error: unknown) => void) | undefined
}

/** What a run came to; `value` is what the handler returned, where it did. */
export interface Effected<Value> {
  readonly happened: Happened
  readonly returned?: { readonly value: Value }
  /** Why it could not be started. */
  readonly fault?: unknown
}

/** How a handler's effect and its record are joined: by a lease that is completed afterwards, or in one transaction. */
export interface Effect<Message, Value> {
  /** Whether a delivery is claimed by lease before it is run. */
  claimsFirst(redelivered: boolean | undefined): boolean
  run(call: Call<Message>): Promise<Effected<Value>>
}

const recorded: Happened = { what: 'returned', recorded: 'yes' }

/** Runs under a lease, then completes. */
export function leaseEffect<Message, Value>(core: Core, handler: Handler<Message, Value, Context>): Effect<Message, Value> {
  const steps: Steps<Value> = {
    start: (running) => handler(running.call.message as Message, leaseContext(running)),
    late({ lease }, { how }) {
      // Work that was done is not forgotten, however late: while nobody else has claimed the key it is recorded.
      if (lease && how === 'returned') void recordConsumed(core, lease.claim)
    },
  }
  return {
    claimsFirst: () => true,
    async run(call) {
      const { lease } = call
      const running = new Running(core, call, lease)
      if (lease) whenLost(lease, (error) => loseRun(running, error))
      const run = await runHandler(running, steps)
      if (run.how === 'abandoned') {
        reportAbandoned(core, call)
        return { happened: { what: 'abandoned' } }
      }
      if (run.how === 'handed-back') return { happened: { what: 'handed-back' } }
      if (run.how === 'threw') return { happened: { what: 'threw', error: run.error, cut: lease?.superseded ? 'lost' : run.cut } }
      if (!lease) return { happened: { what: 'returned', recorded: 'unknown', error: unclaimed(call.record) }, returned: run }
      const tried = await recordConsumed(core, lease.claim, call.graceOver, call.onFault)
      if (!tried.done) return { happened: { what: 'returned', recorded: 'unknown', error: tried.error }, returned: run }
      return { happened: tried.value ? recorded : { what: 'returned', recorded: 'superseded' }, returned: run }
    },
  }
}

/** Somebody should look at a handler that neither ends nor heeds its signal. */
export function reportAbandoned({ hooks, scope, maxRunMs }: Core, { key, record }: Call<unknown>): void {
  hooks.trouble({
    kind: 'abandoned',
    scope,
    key,
    message: `The handler of ${record} runs on, a lease after maxRunMs (${maxRunMs} ms). It is left alone, and its place given to others.`,
  })
}

function unclaimed(record: string): StoreAwayError {
  return new StoreAwayError(`${record} was handled without a claim, as the store was away (option whenStoreFails: 'run')`)
}
