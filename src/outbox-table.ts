/**
 * The contract of the table of an outbox: where messages wait that were handed over inside of a transaction, until a relay has published them.
 *
 * - lane: one of `laneCount` queues in the table. All messages of one ordering key are in the same lane, oldest first
 * - take a lane: the right to publish what waits in it, until a lease ends; one relay at a time has it. The right is named by a nonce
 * - fail: a message that was not published rests, and with it all that follows under its ordering key
 * - set aside: failed too often; it stays in the table for a person, and nothing waits for it
 * - sent: published and confirmed. It leaves the table, or is kept for a while where the user wants that
 *
 * Rules that hold for every method but `add`:
 *
 * - Each is one atomic step in the database, in a transaction of its own, judged by the database's clock. Durations cross this contract, never times.
 * - None waits for a transaction that is open, and none sees what such a transaction has added. There is no cursor over positions: a message whose
 *   transaction commits late is found at the next `read`.
 * - A fault throws.
 *
 * `outboxSuite` in `hapax/testing` holds a table against all of this.
 */
export interface OutboxTable<Tx> {
  /** Throws a `ConfigurationError` for a server or schema that cannot hold the promises, and makes what is made once (the lanes). */
  check(): Promise<void>

  /**
   * Adds messages in the caller's transaction, in the order of the list, as one statement. Throws for a transaction that is over, and for what surely
   * is no transaction.
   */
  add(tx: Tx, entries: readonly OutboxEntry[]): Promise<void>

  /**
   * Takes up to `most` lanes that nobody has, that do not rest, and in which something waits, the longest unserved first. Called again with the same
   * nonce, it answers the lanes that it has under that nonce, their lease restarted.
   */
  takeLanes(options: { readonly nonce: string; readonly most: number; readonly leaseMs: number }): Promise<readonly number[]>

  /** Starts the lease of lanes again. Answers those that are still had under the nonce. */
  keepLanes(nonce: string, lanes: readonly number[], leaseMs: number): Promise<readonly number[]>

  /** Gives lanes back, as far as they are still had under the nonce; nobody takes them before `restMs` have passed. */
  giveLanes(nonce: string, lanes: readonly number[], restMs: number): Promise<void>

  /**
   * What can be published from these lanes, at most `most` of each (and of long messages as few as the table sees fit, but one), oldest first within a lane: failed messages whose rest is over, and messages under
   * whose ordering key none has failed.
   */
  read(lanes: readonly number[], most: number): Promise<readonly StoredEntry[]>

  /** Removes messages that were published; with `keepMs` above 0 they are kept for so long. Those that are gone are passed over. */
  sent(positions: readonly number[], keepMs: number): Promise<void>

  /** Has a message rest for `restMs`, and remembers how often it has failed and why. Does nothing for one that is gone, sent or set aside. */
  failed(position: number, options: { readonly failures: number; readonly restMs: number; readonly reason: string }): Promise<void>

  /** Sets a message aside. Answers whether it did: not one that is gone, sent or set aside already. */
  setAside(position: number, options: { readonly failures: number; readonly reason: string }): Promise<boolean>

  /** Messages that are set aside, oldest first. */
  listSetAside(most: number): Promise<readonly SetAsideEntry[]>

  /**
   * Puts messages that are set aside back, due at once and with no failures counted. They stand with the failed ones, so that they go before all that
   * waits under their ordering keys: `lane` is that of the ordering key plus `laneCount`, as tables keep failed messages apart. Answers how many.
   */
  sendAgain(moves: readonly { readonly position: number; readonly lane: number }[]): Promise<number>

  depth(): Promise<OutboxDepth>

  /** Removes one bounded batch of sent messages that need not be kept any longer. Answers whether the batch was full. */
  sweep(): Promise<boolean>

  /**
   * Has `told` called soon after a transaction has committed that added messages, where the database can tell; it may be called too often, and
   * now and then not at all. What it resolves to ends that. A database that cannot tell never calls it.
   */
  listen(told: () => void): Promise<() => Promise<void>>
}

/** How many lanes a table has. */
export const laneCount = 64

/** A message as it is added. */
export interface OutboxEntry {
  /** 0 to `laneCount` - 1. */
  readonly lane: number
  /** 32 hexadecimal digits, the same for the same ordering key; undefined for a message without one, which keeps no order. */
  readonly key: string | undefined
  /** Destination, ordering key, headers and id: one line of printable ASCII. */
  readonly head: string
  readonly body: Uint8Array
}

/** A message as it is read. */
export interface StoredEntry extends OutboxEntry {
  /** Names the message in the table; grows with every `add`. A safe integer. */
  readonly position: number
  readonly failures: number
}

/** A message that is set aside. */
export interface SetAsideEntry extends Omit<StoredEntry, 'lane'> {
  readonly reason: string
}

/** How much is in an outbox. */
export interface OutboxDepth {
  /** Messages that wait to be published, failed ones included. */
  readonly waiting: number
  /** Messages that have failed and rest, or are about to be tried again. */
  readonly failing: number
  readonly setAside: number
  /** For how long the oldest message has waited, in milliseconds; 0 if none does. */
  readonly oldestMs: number
}
