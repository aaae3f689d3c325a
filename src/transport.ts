import type { MessageHeaders, Delivery } from './delivery.js'
import type { Idempotent } from './handler.js'
import type { Outcome } from './outcome.js'

/**
 * What a broker does by itself, so that a suite can hold it against that.
 */
export interface Capabilities {
  /** Deliveries are delayed by the broker, to the millisecond asked for, or by destinations with fixed steps. */
  readonly delay: 'native' | 'steps'
  /** Messages with one ordering key are handled one after the other. */
  readonly ordered: boolean
}

/**
 * The contract of a transport: receives messages, and hands each as a `Delivery` to the handler's `settle`.
 *
 * - Publish the copy, wait for the broker's confirm, then ack the original. A confirm that fails means "unknown": never ack then.
 * - What we wrote into a copy's headers is believed only where it came through this group's own retry destination and names our scope and
 *   origin (`readMarks`); elsewhere it is ignored, and not copied on.
 * - Retry and dead-letter destinations belong to one group. Every retry destination of the group is read, configured today or not.
 * - A copy waits at most its step from when it is first seen, whatever its due time says.
 * - Concurrency is bounded by the session's places. Where the broker keeps an order, messages of one ordering key are handled one after
 *   the other; acknowledged is only what lies before the oldest unfinished message.
 * - No error of a handler reaches the client library.
 *
 * `transportSuite` in `hapax/testing` holds a transport against this.
 */
export interface Transport<Message> {
  readonly capabilities: Capabilities
  /**
   * Starts consuming. Resolves once messages can arrive. Throws a `ConfigurationError` for what could only lose or double, and whatever
   * the client throws when store or broker cannot be reached.
   */
  consume(handler: Idempotent<Message, unknown>, options?: ConsumeOptions): Promise<Consumption>
}

export interface ConsumeOptions {
  /** Stops consuming when it aborts, like `stop()`. */
  readonly signal?: AbortSignal | undefined
  /** How long running handlers have to end at a stop, in milliseconds. @default 20_000 (Kubernetes kills after 30 s) */
  readonly graceMs?: number | undefined
}

/** Consuming, as long as it lasts. */
export interface Consumption extends AsyncDisposable {
  /** `held` while the store or the broker is away: for a readiness probe. */
  readonly status: 'running' | 'held' | 'stopping' | 'stopped'
  /** Resolves once stopped, rejects when consuming cannot go on. */
  readonly done: Promise<void>
  /** Ends intake, gives running handlers the grace time, hands back what is left, and resolves when all is closed. May be called again. */
  stop(): Promise<void>
}

/** A message to be sent. */
export interface Outgoing {
  readonly destination: string
  readonly body: Uint8Array | string
  readonly headers?: MessageHeaders | undefined
  /** Messages with one ordering key keep their order, where the broker keeps one. */
  readonly orderingKey?: string | undefined
  /** What names this message, however often it is sent. Travels as the header `hapax-id`, which `key` can read. */
  readonly id?: string | undefined
}

/**
 * What can send messages.
 *
 * - Resolved means that the broker has confirmed them all; rejected means unknown: each may have been published or not.
 * - Messages of one destination and one ordering key arrive in the order of the list, where the broker keeps one; after one that was not
 *   confirmed, none of that key that follows it in the list is sent.
 * - It rejects with code `publish-refused` when one of them will never be taken as it is (too large, no such destination), and not when the broker
 *   cannot be reached. The others may have been published or not.
 */
export interface Publisher {
  publish(messages: readonly Outgoing[]): Promise<void>
}

/** How a delivery is settled by a handler: what `openConsumption` gives a transport. */
export type Settle<Message> = (delivery: Delivery<Message>) => Promise<Outcome>
