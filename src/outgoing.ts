import { PublishRefusedError, messageOf } from './errors.js'
import { refuse, refuseUnless } from './options.js'
import type { Outgoing } from './transport.js'

/**
 * Throws a `PublishRefusedError` for what no broker could take: no destination, a body that is neither text nor bytes, a header, id or ordering key that
 * is no text. For publishers, before anything is sent, so that all refuse alike and no client is asked to write what it may write wrongly.
 */
export function refuseUnsendable(messages: readonly Outgoing[]): void {
  for (const message of messages) {
    try {
      check(message)
    } catch (error) {
      throw new PublishRefusedError(messageOf(error), { cause: error })
    }
  }
}

function check({ destination, body, headers, orderingKey, id }: Outgoing): void {
  refuseUnless.text('destination', destination, { good: 'orders' })
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw refuse('body', body, 'a text or bytes', 'JSON.stringify(order)')
  if (orderingKey !== undefined && typeof orderingKey !== 'string') throw refuse('orderingKey', orderingKey, 'a text', "'order-17'")
  if (id !== undefined && typeof id !== 'string') throw refuse('id', id, 'a text', "'order-17'")
  if (headers === undefined) return
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') throw refuse(`headers.${name}`, value, 'a text', "'eu'")
  }
}
