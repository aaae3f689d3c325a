import { DeadLetterError } from 'hapax'
import type { Context } from 'hapax'

export interface Order {
  readonly id: string
  readonly cents: number
}

/** What is not an order throws, and its message is dead-lettered. */
export function parseOrder(value: unknown): Order {
  const { id, cents } = Object(value) as Partial<Order>
  if (typeof id !== 'string' || typeof cents !== 'number') throw new Error(`This is not an order: ${JSON.stringify(value)}`)
  return { id, cents }
}

// #region handler
/** The handler: charges the card of an order at the payment provider. */
export async function chargeCard(order: Order, { key, signal }: Context): Promise<string> {
  const answer = await fetch(`${process.env.PAYMENTS_URL}/charges`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(order),
    // Aborts when the claim is lost, the run takes too long, or consuming stops and the grace time is over.
    signal,
  })
  // To try again would not help: set the message aside for a person.
  if (answer.status === 402) throw new DeadLetterError(`The card of order ${order.id} was declined`)
  // Anything else that is thrown is tried again, after a pause.
  if (!answer.ok) throw new Error(`The payment provider answered ${answer.status}`)
  return answer.text()
}
// #endregion
