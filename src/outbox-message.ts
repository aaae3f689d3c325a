import { PublishRefusedError } from './errors.js'
import { refuseUnsendable } from './outgoing.js'
import { shortHash } from './key.js'
import { laneCount } from './outbox-table.js'
import type { OutboxEntry } from './outbox-table.js'
import type { Outgoing } from './transport.js'
import type { Random } from './random.js'

const encoder = new TextEncoder()
/** 256 MiB: no broker takes as much, and every database gives back as much in one answer. */
const mostBytes = 268_435_456

/** A message as the table keeps it. Throws a `PublishRefusedError` for what no broker could take. */
export function packMessage(message: Outgoing, random: Random): OutboxEntry {
  refuseUnsendable([message])
  const { destination, body, headers, orderingKey, id } = message
  const bytes = typeof body === 'string' ? encoder.encode(body) : body
  if (bytes.length > mostBytes) {
    throw new PublishRefusedError(`The body has ${bytes.length} bytes; an outbox takes at most ${mostBytes}, so that it can be read again`)
  }
  const head = { id: id ?? random.nonce(), destination, orderingKey, headers }
  const hash = orderingKey === undefined ? undefined : shortHash(orderingKey)
  return {
    lane: hash === undefined ? Math.floor(random.fraction() * laneCount) : laneOfHash(hash),
    key: hash,
    // Printable ASCII crosses every connection as it is, whatever its character set.
    head: JSON.stringify(head).replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
    body: bytes,
  }
}

/** The lane that a message was in before it was set aside. */
export function laneOf({ key }: Pick<OutboxEntry, 'key'>, random: Random): number {
  return key === undefined ? Math.floor(random.fraction() * laneCount) : laneOfHash(key)
}

function laneOfHash(hash: string): number {
  return Number.parseInt(hash.slice(0, 8), 16) % laneCount
}

/** The message as it was handed over, with its id. Throws a `PublishRefusedError` where somebody has spoilt what is in the table. */
export function unpackMessage({ head, body }: Pick<OutboxEntry, 'head' | 'body'>): Outgoing & { readonly id: string } {
  try {
    return { ...(JSON.parse(head) as Omit<Outgoing, 'body'> & { readonly id: string }), body }
  } catch (error) {
    throw new PublishRefusedError('What the outbox holds of this message cannot be read', { cause: error })
  }
}
