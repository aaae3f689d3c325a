// A webhook: no broker, no transport. The sender delivers at least once, by HTTP, and tries again until it gets a 2xx.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { hasCode, idempotent } from 'hapax'
import { chargeCard, parseOrder } from './billing.js'
import type { IncomingMessage, Server } from 'node:http'
import type { Store } from 'hapax'

interface Answer {
  readonly status: number
  readonly text: string
  readonly retryInMs?: number
}

/** `webhook(redisStore(new Redis())).listen(8080)` */
export function webhook(store: Store): Server {
  // #region once
  const charge = idempotent(chargeCard, { store, scope: 'webhook.charge', key: (order) => order.id })

  const receive = async (request: IncomingMessage): Promise<Answer> => {
    try {
      const result = await charge.once(parseOrder(await json(request)))
      // Another request is at it, or a process that has died since: the sender is to come back.
      if (result.status === 'busy') return { status: 409, text: 'busy', retryInMs: result.retryInMs }
      // Handled now or before. (`lease-lost` and `unrecorded` are among them: the work is done, too.)
      return { status: 200, text: result.status }
    } catch (error) {
      // Nothing was claimed, so nothing was run.
      if (hasCode(error, 'store-away')) return { status: 503, text: 'store away', retryInMs: 5_000 }
      // The handler's own error, or a body that could not be read. The claim was released: the next try runs at once.
      return { status: 500, text: 'failed' }
    }
  }
  // #endregion

  return createServer((request, response) => {
    void receive(request).then(({ status, text, retryInMs }) => {
      if (retryInMs !== undefined) response.setHeader('retry-after', Math.ceil(retryInMs / 1_000))
      response.writeHead(status).end(text)
    })
  })
}
