/** One process that sends through an outbox: each transaction writes what it sends into a table as well. Some are rolled back. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { sentTable } from '../names.js'
import { openChance } from '../chance.js'
import { openDatabase } from './backends.js'
import { openWorker, over } from './worker.js'
import type { DatabaseName } from './backends.js'

const { words, ledger, untilStopped } = openWorker(() => database.emitters)
const database = openDatabase(words.store as DatabaseName, words.storeAddress)
const { fraction, below } = openChance(words.seed)
const since = performance.timeOrigin - words.originMs
/** Each entity is one producer's own: its messages follow each other. A process that takes over after a kill has other entities. */
const places = new Map<string, number>()
let isStopped = false
void untilStopped().then(() => (isStopped = true))

async function produce(producer: number, ratePerSecond: number): Promise<void> {
  const from = performance.now()
  for (let sent = 0; !isStopped;) {
    const entity = `${words.name}-${producer}-${below(25)}`
    const place = places.get(entity) ?? 0
    const ids = Array.from({ length: 1 + below(4) }, () => randomUUID())
    const rollsBack = fraction() < 0.05
    try {
      await database.store.transaction(async (tx) => {
        for (const [index, id] of ids.entries()) {
          const row = [id, entity, place + index, Math.round(since + performance.now())]
          await database.runIn(tx, `insert into ${sentTable(words.run)} (id, entity, place, at) values (?, ?, ?, ?)`, row)
        }
        const body = (id: string): string => JSON.stringify({ id, entity })
        await database.outbox.send(
          tx,
          ids.map((id) => ({ destination: words.run, orderingKey: entity, id, body: body(id) })),
        )
        if (rollsBack) throw new Error('rolled back')
      })
      ledger.write('e', ids.length)
    } catch {
      if (!rollsBack) await sleep(200)
    }
    // Whether it was committed or not, nobody knows better than the database: the places go on, so that they tell the order.
    places.set(entity, place + ids.length)
    sent += ids.length
    const aheadMs = (sent / ratePerSecond) * 1_000 - (performance.now() - from)
    if (aheadMs > 0) await sleep(aheadMs)
  }
}
const producers = words.store === 'sqlite' ? 2 : 4
await Promise.all(Array.from({ length: producers }, (_, producer) => produce(producer, words.ratePerSecond / producers)))
await database.close()
over()
