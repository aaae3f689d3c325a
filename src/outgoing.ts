import { PublishRefusedError, messageOf } from './errors.js'
import { refuse, refuseUnless } from './options.js'
import type { Outgoing } from './transport.js'

/**
 * Throws a `PublishRefusedError` for what no broker could take: no destination, a body that is neither text nor bytes, a header, id or ordering key that
 * is no text. For publishers, before anything is sent, so that all refuse alike and no client is asked to write what it may write wrongly.
 */
export function refuseUnsendable(messages: readonly Outgoing[]): void {
  if (!isList(messages)) throw new PublishRefusedError('What is to be published must be a list of messages')
  for (const message of messages) {
    try {
      check(message)
    } catch (error) {
      throw new PublishRefusedError(messageOf(error), { cause: error })
    }
  }
}

function isList(value: unknown): boolean {
  return Array.isArray(value)
}

function check(message: Outgoing): void {
  refuseUnless.options(message, "{ destination: 'orders', body }", 'a message')
  const { destination, body, headers, orderingKey, id } = message
  refuseUnless.text('destination', destination, { good: 'orders' })
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw refuse('body', body, 'a text or bytes', 'JSON.stringify(order)')
  if (orderingKey !== undefined && typeof orderingKey !== 'string') throw refuse('orderingKey', orderingKey, 'a text', "'order-17'")
  if (id !== undefined && typeof id !== 'string') throw refuse('id', id, 'a text', "'order-17'")
  // Another half of a surrogate pair, and another message would have the same id.
  if (id !== undefined && !id.isWellFormed()) throw refuse('id', id, 'a text without half of a surrogate pair', "'order-17'")
  if (headers === undefined) return
  refuseUnless.options(headers, "{ region: 'eu' }", 'headers')
  // A `Map` or the `Headers` of fetch: their entries would be left out.
  if (Symbol.iterator in headers) throw refuse('headers', headers, 'a plain object', 'Object.fromEntries(headers)')
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') throw refuse(`headers.${name}`, value, 'a text', "'eu'")
  }
}
