import type { Clock, Consumption, Incoming, Outgoing, Random, Store, Transport, TransactionalStore } from '../../src/index.js'
import type { Cannot } from '../suite.js'

/** What a history is played with: a store and a broker that live in this process, and do nothing by any other clock or chance than those handed in. */
export interface Pieces<Tx> {
  store(parts: PieceParts): SimulatedStore<Tx>
  broker(parts: PieceParts): SimulatedBroker
}

export interface PieceParts {
  readonly clock: Clock
  readonly random: Random
}

/** A store that can be scheduled: a step that needs no time by the clock takes effect before the event loop goes on. */
export interface SimulatedStore<Tx> {
  readonly store: Store
  /** The same store, where effects can be part of its transactions; or why there are none. */
  readonly transactions: { readonly store: TransactionalStore<Tx>; apply(tx: Tx, effect: () => void): void } | Cannot
  /** Keeps what the store holds now; what it returns puts that back. Or why nothing can be forgotten. */
  readonly save: (() => () => void) | Cannot
  /** How many records it keeps, those that are over included; undefined if that cannot be known. */
  size(): number | undefined
}

/** One topic that nobody used before, and one consumer group on it. */
export interface SimulatedBroker {
  /** What the transports consume. */
  readonly destination: string
  /** A transport as one process has it. `clock` is that process's own. */
  transport<Message>(options: {
    readonly clock: Clock
    readonly concurrency: number
    readonly decode: (incoming: Incoming) => Message
  }): Transport<Message>
  publish(messages: readonly Omit<Outgoing, 'destination'>[]): Promise<void>
  /** The bodies of the dead letters of the group, as text. */
  deadLetters(): readonly string[]
  /** Has all dead letters delivered again. */
  replay(): Promise<unknown>
  /** How many messages of the group are neither settled nor dead letters. */
  left(): number
  /** The process of this consumption has died: what it had in hand goes to the others. */
  crash(consumption: Consumption): void
  rebalance(consumption: Consumption): void
  away(isAway: boolean): void
  misbehave(chances: BrokerChances): void
}

/** What a broker may do wrong; each from 0 (never) to 1 (always), and a delay in milliseconds. A broker that cannot do something leaves it. */
export interface BrokerChances {
  readonly duplicate?: number
  readonly reorder?: number
  readonly loseAck?: number
  readonly copyFails?: number
  readonly copyUnknown?: number
  readonly deliveryDelayMs?: number
}
