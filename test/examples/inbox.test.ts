import { expect, test } from 'vitest'
import { inbox } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'

test('effect and record take place together, or not at all', async () => {
  const orders = new Map<string, number>()
  const store = memoryStore()
  let fails = true
  // #region inbox
  const save = inbox(
    async (order: { readonly id: string; readonly cents: number }, { tx }) => {
      // With a database, `tx` is its transaction, and this an insert.
      tx.apply(() => orders.set(order.id, order.cents))
      if (fails) throw new Error('something that comes after the insert')
    },
    { store, scope: 'orders.save', key: (order) => order.id },
  )
  // #endregion
  const order = { id: 'order-1', cents: 500 }
  await expect(save.once(order)).rejects.toThrow('after the insert')
  expect(orders.size).toBe(0)

  fails = false
  expect((await save.once(order)).status).toBe('handled')
  expect((await save.once(order)).status).toBe('duplicate')
  expect([...orders]).toEqual([['order-1', 500]])
})
