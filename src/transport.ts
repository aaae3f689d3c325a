import type { Idempotent } from './handler.js'
import type { Outcome } from './outcome.js'
import type { Places } from './places.js'

/** Headers as the handler sees them: names as the producer wrote them, values as text. */
export type MessageHeaders = Readonly<Record<string, string>>

/** Where a message came from; for a copy, where the first one did. */
export interface Origin {
  /** Topic, queue or stream. */
  readonly destination: string
  /** What names the message there for a person, such as `0/1234` (partition and offset). Not an identity: a copy has another. */
  readonly position: string
}

/** A message as it came, before it is decoded. */
export interface Incoming {
  readonly bytes: Uint8Array
  readonly headers: MessageHeaders
  readonly origin: Origin
  /** What the broker keeps an order by (Kafka's message key), if it came with one. */
  readonly orderingKey: string | undefined
  /** The bytes as UTF-8. */
  text(): string
  /** The bytes as JSON. Throws a `SyntaxError` where they are none. */
  json(): unknown
}

/** What the core asks a transport to write into the headers of a copy or a dead letter. */
export interface Marks {
  readonly scope: string
  readonly key: string | undefined
  /** Runs that failed by themselves. */
  readonly attempts: number
  /** Times put off because the key was busy. */
  readonly postponements: number
  /** This is a replay that has not begun yet. */
  readonly replay: boolean
}

/**
 * One arrival of a message. A transport makes one for each message that it receives and hands it to `session.settle`.
 *
 * - It is settled once: by `ack`, or by `postpone`, or not at all, which leaves it to the broker to deliver it again.
 * - After it was taken away its `signal` aborts, and settling it does nothing.
 */
export interface Delivery<Message> {
  readonly incoming: Incoming
  /** `false` only if it surely never came before: never for a copy, nor for the first messages after an assignment where the broker does not say. */
  readonly redelivered: boolean | undefined
  /** From our own header, where that is to be believed; else 0. Never the broker's own count of deliveries. */
  readonly attempts: number
  /** Likewise. */
  readonly postponements: number
  /** How long ago it was first put off, in milliseconds, by our own header; 0 if it never was. */
  readonly waitedMs: number
  /** Whether this is a dead letter that somebody had delivered again on purpose. Believed like the other marks. */
  readonly replay: boolean
  /** Aborts when intake stops or the delivery is taken away: what has not started by then is not to start. */
  readonly signal: AbortSignal
  /** Whether it was taken away (a rebalance, a lost channel): settling it then does nothing, and the broker delivers it to whoever has it now. */
  readonly takenAway: boolean
  decode(): Message | Promise<Message>
  /** Tells the broker that the message is done with. */
  ack(): Promise<void>
  /** Has it delivered again after `delayMs`, and settles it: a copy is confirmed by the broker before the original is acked. Rejects, with nothing acked, when that is unknown. */
  postpone(delayMs: number, marks: Marks): Promise<void>
  /** Publishes it to the dead letters, with the reason, and resolves once that is confirmed. Does not ack: the core does, after it has recorded it. */
  deadLetter(reason: string, marks: Marks): Promise<void>
}

/** What the deliveries of one consumption share. `openConsumption` makes it. */
export interface Session {
  /** Bounds how many handlers run at once. */
  readonly places: Places
  /** Aborts when the grace time of a stop is over: handlers still running are told to give up, and their claims are handed back. */
  readonly graceOver: AbortSignal
  /** Says that something is held up, until the function that it returns is called. */
  hold(): () => void
}

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
  /** What names this message, however often it is sent. Travels as a header that `key` can read. */
  readonly id?: string | undefined
}

/** What can send messages. Resolved means confirmed by the broker; rejected means unknown. */
export interface Publisher {
  publish(messages: readonly Outgoing[]): Promise<void>
}

/** How a delivery is settled by a handler: what `openConsumption` gives a transport. */
export type Settle<Message> = (delivery: Delivery<Message>) => Promise<Outcome>
