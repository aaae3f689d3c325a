// A lease ends while its holder is stalled, another process handles the message, and then the first one wakes up and writes. Hapax tells it
// by its `signal`, but between looking at that and writing it may stall again. Only where the write itself is refused is it too late for sure.
import { idempotent } from 'hapax'
import type { Idempotent, Store } from 'hapax'

export interface Invoice {
  readonly orderId: string
  readonly cents: number
}

/** The part of an ioredis client that is needed here. */
interface Database {
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
}

// #region fencing
// KEYS[1] invoice. ARGV token, body. Answers 1, or 0 when a newer claim has written it already.
// In SQL: update invoices set body = $3, token = $2 where order_id = $1 and token <= $2
const writeUnlessNewer = `
if tonumber(redis.call('HGET', KEYS[1], 'token') or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'body', ARGV[2])
return 1
`

export function invoicing(
  store: Store,
  database: Database,
  render: (invoice: Invoice) => Promise<string>,
  leaseMs?: number,
): Idempotent<Invoice, void> {
  return idempotent(
    async (invoice: Invoice, { key, token }) => {
      const body = await render(invoice)
      // Tokens are compared within one key only, so what is guarded has to belong to that key alone.
      const written = await database.eval(writeUnlessNewer, 1, `invoice:${key}`, String(token), body)
      if (written === 0) throw new Error(`A newer claim has written the invoice of ${key}`)
    },
    { store, scope: 'billing.invoice', key: ({ orderId }) => orderId, leaseMs },
  )
}
// #endregion
