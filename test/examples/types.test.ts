// What the compiler has to refuse. `npm run types` checks it; here is only seen to it that the rest of it runs.
import { expect, test } from 'vitest'
import { idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'
import { parseOrder } from '../../examples/billing.js'
import type { Order } from '../../examples/billing.js'

interface Refund {
  readonly refundId: string
  readonly orderId: string
}

const broker = memoryBroker()
const options = { store: memoryStore(), scope: 'types' }

test('a handler consumes what decode gives, and nothing else', async () => {
  const orders = memoryTransport(broker, { topic: 'orders', groupId: 'types', decode: (incoming) => parseOrder(incoming.json()) })
  const charge = idempotent((order: Order) => order.cents, { ...options, key: (order) => order.id })
  const refund = idempotent((refunded: Refund) => refunded.orderId, { ...options, key: ({ refundId }) => refundId })
  const audit = idempotent((_message: { readonly id: string }) => undefined, { ...options, key: ({ id }) => id })

  const refused = (): unknown =>
    // @ts-expect-error a handler of refunds gets orders
    orders.consume(refund)
  expect(refused).toBeTypeOf('function')

  for (const fitting of [charge, audit]) await (await orders.consume(fitting)).stop()
})

test('the type of the message comes from the handler, and the key has to be a text of it', async () => {
  const key = (order: Order): string => order.id
  // @ts-expect-error the key of another message
  idempotent((refunded: Refund) => refunded.orderId, { ...options, key })
  // @ts-expect-error a number is no key
  idempotent((order: Order) => order.id, { ...options, key: (order) => order.cents })
  // @ts-expect-error a scope has no default
  expect(() => idempotent((order: Order) => order.id, { store: options.store, key })).toThrow('scope')

  const result = await idempotent((order: Order) => order.cents, { ...options, key }).once({ id: 'a', cents: 3 })
  // @ts-expect-error only some results have a value
  expect(result.value).toBe(3)
  if (result.status === 'handled') expect(result.value.toFixed(2)).toBe('3.00')
})
