import type { Delivery, MessageHeaders, Origin, Session } from './delivery.js'
import type { Outcome, Trouble } from './outcome.js'
import type { Runtime } from './runtime.js'

/** What a handler is told beside the message. */
export interface BaseContext {
  readonly key: string
  /** 1 for the first run; earlier runs that failed by themselves plus one. */
  readonly attempt: number
  /**
   * Aborts when going on is no longer safe: the lease is lost (code `lease-lost`), the run exceeds `maxRunMs` (`run-too-long`), or consuming stops and the
   * grace time is over (`stopping`). Hand it to what you await, and ask `context.signal.throwIfAborted()` right before the effect: asked through the
   * context it knows of a process that was stopped for longer than its lease, which goes on before any of its timers do.
   */
  readonly signal: AbortSignal
  readonly headers: MessageHeaders
  /** Where the message came from first; undefined under `once`. */
  readonly origin: Origin | undefined
}

/** The context of a handler under a lease. */
export interface Context extends BaseContext {
  /**
   * Fencing token: for one key it grows with every claim. Write it beside the effect and refuse smaller ones there, and a stalled handler
   * cannot overwrite the work of its successor. 0 where nothing was claimed (`whenStoreFails: 'run'`).
   */
  readonly token: number
}

/** The context of a handler under an inbox. */
export interface InboxContext<Tx> extends BaseContext {
  /** The transaction in which effect and record commit together. */
  readonly tx: Tx
}

/** A handler as the user writes it. */
export type Handler<Message, Value, Given> = (message: Message, context: Given) => Value | Promise<Value>

/** What every wrapped handler can be told, whichever store it has. Durations are whole numbers of milliseconds. */
export interface HandlerOptions<Message> {
  /** The name of this one handler, such as `billing.charge`. Two handlers that shared a scope would swallow each other's messages, so there is no default. */
  readonly scope: string
  /** What makes two messages the same, computed once, before the handler can change the message. A message for which it throws, or gives no text or an empty one, is dead-lettered. */
  readonly key: (message: Message, from: { readonly headers: MessageHeaders }) => string
  /** How long a consumed key is remembered; longer than the lease and all retry delays together, at most 2 ** 50. @default 86_400_000 (24 h) */
  readonly windowMs?: number | undefined
  /** How long a claim lasts unless renewed: how long the keys of a killed process wait at most. At least 50. @default 30_000 */
  readonly leaseMs?: number | undefined
  /** How often a message may fail before it is dead-lettered; at least 1. @default 5 */
  readonly maxAttempts?: number | undefined
  /** The pause after the first failure, the second, …; the last one counts for all that follow. @default [1_000, 10_000, 60_000, 600_000] */
  readonly retryDelaysMs?: readonly number[] | undefined
  /** How long one run may take before its signal aborts. A lease later it is abandoned. At least 1. @default 900_000 (15 min) */
  readonly maxRunMs?: number | undefined
  /** How often a message may take its process down before it is dead-lettered unrun; at least 1. @default 5 */
  readonly maxLapses?: number | undefined
  /** How long one answer of the store is waited for; at most a quarter of the lease. @default 5_000, or a sixth of the lease if that is less */
  readonly storeTimeoutMs?: number | undefined
  /** How long recording work that was done is tried while the store is away; then the outcome is `unrecorded`. @default twice `leaseMs` */
  readonly recordTimeoutMs?: number | undefined
  /** From when on a message that is put off as busy is reported as `overdue`. @default twice `maxRunMs` */
  readonly overdueMs?: number | undefined
  /** What to do with a message whose key is busy: have it come again later, or wait in place, which keeps its order and holds up what follows it. @default 'postpone' */
  readonly whenBusy?: 'postpone' | 'wait' | undefined
  /** Likewise for a message whose handler failed. @default 'postpone' */
  readonly whenFailed?: 'postpone' | 'wait' | undefined
  /** Receives every outcome. Must be quick; what it throws is ignored. */
  readonly onOutcome?: ((outcome: Outcome) => void) | undefined
  /** Receives what is not an outcome: store away, broker away, renewal late, overdue, recovered, … What it throws is ignored. */
  readonly onTrouble?: ((trouble: Trouble) => void) | undefined
  /** Time, chance and process, for tests and simulators. @default this process */
  readonly runtime?: Runtime | undefined
}

/** The settings that a transport may need to know of a handler. */
export interface Settings {
  readonly windowMs: number
  readonly leaseMs: number
  readonly maxRunMs: number
  readonly retryDelaysMs: readonly number[]
}

/** What `once` answers. When the handler throws, its error is thrown on instead. */
export type OnceResult<Value> =
  | { readonly status: 'handled'; readonly value: Value }
  | { readonly status: 'duplicate' }
  | { readonly status: 'busy'; readonly retryInMs: number }
  | { readonly status: 'lease-lost'; readonly value: Value }
  | { readonly status: 'unrecorded'; readonly value: Value }

/** What `once` may be told beside the message. */
export interface OnceFrom {
  /** Handed to `key` and to the handler. */
  readonly headers?: MessageHeaders | undefined
  /** Aborts the handler's signal. If it is aborted already, `once` throws its reason and claims nothing. */
  readonly signal?: AbortSignal | undefined
}

/** A handler that takes effect once per key. */
export interface Idempotent<Message, Value> {
  readonly scope: string
  readonly settings: Settings
  /**
   * Claims, runs, renews, completes, and answers with data; knows no broker, so it serves a webhook, a serverless function or a cron job. It knows
   * no limit of attempts, no rest and no suspects: retrying is up to its caller. What the handler throws is thrown on, its claim released. Throws a `KeyError` when there is no key, and
   * an error with code `store-away` when nothing can be claimed.
   */
  once(message: Message, from?: OnceFrom): Promise<OnceResult<Value>>
  /** Settles a delivery; transports call it, through `openConsumption`. Never rejects. Without a session nothing bounds how many run at once. */
  settle(delivery: Delivery<Message>, session?: Session): Promise<Outcome>
  /** Asks the store whether it can hold its promises; `openConsumption` calls it. Throws what `Store.check` throws. */
  check(): Promise<void>
  /** Tells `onTrouble`; for transports. */
  report(trouble: Trouble): void
}
