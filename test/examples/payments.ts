import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Order } from '../../examples/billing.js'

/** The payment provider of the examples. It takes money each time it is asked to: whatever comes twice is charged twice. */
export interface Payments {
  readonly url: string
  /** The orders that were charged, in that order. */
  readonly charged: readonly string[]
  /** The orders for which a request has arrived, and is not answered yet. */
  readonly pending: ReadonlySet<string>
  /** The next requests for an order are answered with these statuses, and then with 200 again. */
  answer(id: string, ...statuses: number[]): void
  /** Requests for this order wait until the function that it returns is called. */
  hold(id: string): () => void
  close(): Promise<void>
}

export async function openPayments(): Promise<Payments> {
  const charged: string[] = []
  const pending = new Set<string>()
  const answers = new Map<string, number[]>()
  const held = new Map<string, Promise<void>>()

  const charge = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { id } = (await json(request)) as Order
    pending.add(id)
    await held.get(id)
    pending.delete(id)
    const status = answers.get(id)?.shift() ?? 200
    if (status === 200) charged.push(id)
    response.writeHead(status).end(`charge of ${id}`)
  }
  const server = createServer((request, response) => void charge(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    charged,
    pending,
    answer: (id, ...statuses) => void answers.set(id, statuses),
    hold(id) {
      let release = (): void => undefined
      held.set(id, new Promise((resolve) => (release = resolve)))
      return release
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
