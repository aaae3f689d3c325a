// An SQS queue that triggers a Lambda function, with "report batch item failures" switched on. SQS hides a failed message for the queue's
// visibility timeout and delivers it again; its own redrive policy counts deliveries and dead-letters.
import { idempotent } from 'hapax'
import { chargeCard, parseOrder } from './billing.js'
import type { Store } from 'hapax'

// The part of the `aws-lambda` types that is needed here.
interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[]
}
interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

/** `export const handler = lambda(redisStore(new Redis(process.env.REDIS_URL)))` */
export function lambda(store: Store): (event: SqsEvent) => Promise<SqsBatchResponse> {
  // #region lambda
  // A function that is frozen or killed in the middle leaves its keys busy for a lease: keep it below the visibility timeout.
  const charge = idempotent(chargeCard, { store, scope: 'billing.charge', key: (order) => order.id, leaseMs: 20_000 })

  const isDone = async (body: string): Promise<boolean> => {
    try {
      const result = await charge.once(parseOrder(JSON.parse(body)))
      return result.status !== 'busy'
    } catch (error) {
      console.error(error)
      return false
    }
  }

  return async ({ Records }) => {
    const results = await Promise.all(Records.map(async ({ messageId, body }) => ({ messageId, done: await isDone(body) })))
    return { batchItemFailures: results.filter(({ done }) => !done).map(({ messageId }) => ({ itemIdentifier: messageId })) }
  }
  // #endregion
}
