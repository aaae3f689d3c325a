import { openHooks } from './hooks.js'
import { openRelay } from './relay.js'
import { laneCount } from './outbox-table.js'
import { laneOf, packMessage, unpackMessage } from './outbox-message.js'
import { refuse, refuseUnless } from './options.js'
import { systemRandom } from './random.js'
import type { OutboxDepth, OutboxTable, SetAsideEntry } from './outbox-table.js'
import type { Outgoing, Publisher } from './transport.js'
import type { Random } from './random.js'
import type { Relay, RelayOptions } from './relay.js'

/** A message that could not be published and was set aside for a person. */
export interface SetAsideMessage {
  /** Names it in the table. */
  readonly position: number
  /** Without destination and id where what the table holds cannot be read. */
  readonly message: Outgoing & { readonly id: string }
  readonly failures: number
  /** What it failed with last. */
  readonly reason: string
}

/**
 * Messages that are stored in a database transaction and published after it has committed: either both, effect and messages, or neither.
 */
export interface Outbox<Tx> {
  /** What it is made of: for suites and tools. */
  readonly table: OutboxTable<Tx>
  /**
   * Stores messages in the caller's transaction: that of a handler under `inbox`, or any of a producer's own. They are published after it has
   * committed, and never if it is rolled back; those of one ordering key in the order in which they were stored. A message without an id is given
   * one; it travels as the header `hapax-id`, the same however often the message is published.
   *
   * Throws a `PublishRefusedError` for a message that no broker could take.
   */
  send(tx: Tx, messages: Outgoing | readonly Outgoing[]): Promise<void>
  /** Starts to publish what is stored. Any number of processes may do so at once. Throws a `ConfigurationError` for options or a table that cannot be. */
  relay(publisher: Publisher, options?: RelayOptions): Promise<Relay>
  /** How much waits, and for how long. It counts rows: ask every now and then, not with every message. */
  depth(): Promise<OutboxDepth>
  /** Messages that were set aside, oldest first. @param most how many at most; 100 if it is left out */
  listSetAside(most?: number): Promise<readonly SetAsideMessage[]>
  /** Has messages that were set aside published after all. Each goes before what waits under its ordering key, but for what has failed itself. Answers how many there were. */
  sendAgain(messages: readonly Pick<SetAsideMessage, 'position' | 'message'>[]): Promise<number>
}

/** An outbox over a table: what adapters make. */
export function openOutbox<Tx>(table: OutboxTable<Tx>, options: { readonly random?: Random | undefined } = {}): Outbox<Tx> {
  refuseUnless.methods('table', table, ['check', 'add', 'takeLanes', 'read', 'sent', 'failed', 'setAside', 'listen'], 'a table of yours')
  refuseUnless.options(options, '{ random }')
  const { random = systemRandom } = options
  refuseUnless.random('random', random)
  return {
    table,
    async send(tx, messages) {
      const list = isList(messages) ? messages : [messages]
      const entries = list.map((message) => packMessage(message, random))
      if (entries.length > 0) await table.add(tx, entries)
    },
    async relay(publisher, relayOptions = {}) {
      refuseUnless.options(relayOptions, '{ concurrency }')
      return openRelay(table, publisher, relayOptions, openHooks(relayOptions))
    },
    depth: () => table.depth(),
    async listSetAside(most = 100) {
      refuseUnless.wholeNumber('most', most, { least: 1, good: 100 })
      const entries = await table.listSetAside(most)
      return entries.map(({ position, failures, reason, ...packed }) => ({ position, message: unpackOr(packed), failures, reason }))
    },
    async sendAgain(messages: readonly Pick<SetAsideMessage, 'position' | 'message'>[]) {
      refuseUnlessList(messages)
      for (const each of messages) {
        refuseUnless.options(each, '{ position, message }', 'messages')
        refuseUnless.wholeNumber('position', each.position, { good: 17 })
      }
      const moves = messages.map(({ position, message }) => ({ position, lane: laneCount + laneOf(packMessage(message, random), random) }))
      return moves.length === 0 ? 0 : table.sendAgain(moves)
    },
  }
}

/** It is whatever people hand in. */
function refuseUnlessList(value: unknown): void {
  if (!Array.isArray(value)) throw refuse('messages', value, 'a list of messages', 'await outbox.listSetAside()')
}

function isList(messages: Outgoing | readonly Outgoing[]): messages is readonly Outgoing[] {
  return Array.isArray(messages)
}

/** What somebody has spoilt is to be seen all the same. */
function unpackOr(packed: Pick<SetAsideEntry, 'head' | 'body'>): SetAsideMessage['message'] {
  try {
    return unpackMessage(packed)
  } catch {
    return { id: '', destination: '', body: packed.body }
  }
}
