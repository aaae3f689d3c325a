// An app in one process and one file (Node 22.13 or newer): a webhook takes an order and has a mail sent. No broker: the outbox publishes by HTTP.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { json } from 'node:stream/consumers'
import { PublishRefusedError, hasCode, inbox } from 'hapax'
import { sqliteOutbox, sqliteStore } from 'hapax/stores/sqlite'
import { parseOrder } from './billing.js'
import type { IncomingMessage } from 'node:http'
import type { Publisher } from 'hapax'
import type { Order } from './billing.js'

const stopped = once(process, 'SIGTERM')
const open = (): DatabaseSync => new DatabaseSync(process.env.DATABASE_FILE ?? 'app.db')
const store = sqliteStore(open)
const outbox = sqliteOutbox(open)
const database = open()
database.exec('pragma journal_mode = wal; create table if not exists orders (id text primary key, cents integer not null)')
database.close()
await store.applySchema()
await outbox.applySchema()

const takeOrder = inbox(
  async (order: Order, { tx }) => {
    tx.prepare('insert into orders values (?, ?)').run(order.id, order.cents)
    await outbox.send(tx, { destination: 'order-confirmation', id: `${order.id}:confirmation`, body: JSON.stringify(order) })
  },
  { store, scope: 'orders.take', key: (order) => order.id },
)

// #region publisher
const mails: Publisher = {
  async publish(messages) {
    for (const { destination, id = '', body } of messages) {
      // A mail may be posted again, as after a crash: the receiver knows it by its id.
      const init = { method: 'POST', headers: { 'idempotency-key': id }, body, signal: AbortSignal.timeout(3_000) }
      const answer = await fetch(`${process.env.MAILS_URL ?? 'http://localhost:8081'}/${destination}`, init)
      const said = `The mail service answered ${answer.status}: ${await answer.text()}`
      // 408 and 429 say "not now"; every other 4xx, that this mail will never be taken.
      if (answer.status >= 400 && answer.status < 500 && ![408, 429].includes(answer.status)) throw new PublishRefusedError(said)
      if (!answer.ok) throw new Error(said)
    }
  },
}
// #endregion
const leaseMs = Number(process.env.LEASE_MS ?? 30_000)
// `batch: 1` hands over 8 mails at most, so that all of them can take their 3 s within the 30 s that the relay waits for a publisher.
const relay = await outbox.relay(mails, { batch: 1, leaseMs, onTrouble: ({ message }) => console.error(message) })

async function receive(request: IncomingMessage): Promise<number> {
  try {
    const { status } = await takeOrder.once(parseOrder(await json(request)))
    return status === 'busy' ? 409 : 200 // Busy: another request is at it, and may yet fail. The sender is to come back.
  } catch (error) {
    return hasCode(error, 'store-away') ? 503 : 500
  }
}
const server = createServer((request, response) => void receive(request).then((status) => response.writeHead(status).end()))
server.listen(Number(process.env.PORT ?? 8080))

await stopped
await Promise.all([new Promise((resolve) => server.close(resolve)), relay.stop()])
await outbox.close()
await store.close()
