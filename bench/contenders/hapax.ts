/** The calls into Hapax that are measured, whatever the store. */
import { randomUUID } from 'node:crypto'
import { idempotent, inbox, makeIncoming, recordKey } from 'hapax'
import type { Delivery, Idempotent, Store, TransactionalStore } from 'hapax'
import type { Calls, Given } from '../contract.js'

/** The defaults of `idempotent`. */
const leaseMs = 30_000
const windowMs = 86_400_000

/** A message without a broker. */
export interface Order {
  readonly id: string
}

const scope = 'orders.bench'

/** Claim and complete, and nothing else. */
export function storeCalls({ handle }: Given, store: Store, rememberMs = windowMs): Pick<Calls, 'call'> {
  return {
    async call(key) {
      const claimed = await store.claim(recordKey(scope, key), { nonce: randomUUID(), leaseMs, memoryMs: rememberMs })
      if (claimed.status === 'duplicate') return
      if (claimed.status === 'busy') throw new Error(`${key} is busy`)
      await handle(key)
      if (!(await store.complete(claimed.claim, rememberMs))) throw new Error(`${key} was taken by somebody else`)
    },
  }
}

/** The whole wrapper, on a transport that does nothing. */
export function handledCalls({ handle }: Given, store: Store): Pick<Calls, 'call'> {
  return settled(idempotent((order: Order) => handle(order.id), { store, scope, key: ({ id }) => id }))
}

/** The same, with the effect in the transaction of the record. */
export function inboxCalls<Tx>(store: TransactionalStore<Tx>, effect: (order: Order, tx: Tx) => Promise<unknown>): Pick<Calls, 'call'> {
  return settled(inbox((order: Order, { tx }) => effect(order, tx), { store, scope, key: ({ id }) => id }))
}

const never = new AbortController().signal
const incoming = makeIncoming({
  bytes: new Uint8Array(),
  headers: () => ({}),
  origin: { destination: 'orders', position: '0' },
  orderingKey: undefined,
})

function settled(handler: Idempotent<Order, unknown>): Pick<Calls, 'call'> {
  return {
    async call(id) {
      const { status } = await handler.settle(deliveryOf({ id }))
      if (status !== 'handled' && status !== 'duplicate') throw new Error(`${id} was ${status}`)
    },
  }
}

function deliveryOf(order: Order): Delivery<Order> {
  return {
    incoming,
    redelivered: false,
    attempts: 0,
    postponements: 0,
    waitedMs: 0,
    replay: false,
    signal: never,
    takenAway: false,
    decode: () => order,
    ack: () => resolved,
    postpone: () => resolved,
    deadLetter: () => resolved,
  }
}

const resolved = Promise.resolve()
