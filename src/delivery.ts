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
  /**
   * Says that a delivery waits aside (for its twin, for its turn as a suspect, in place for its rest), until the function that it returns is
   * called: intake may take in another one in its stead.
   */
  waitAside(): () => void
}
