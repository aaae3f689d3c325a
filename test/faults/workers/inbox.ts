/** One worker process of an inbox: its effects are rows of the database, in a table without a key, so that what is done twice stands in it twice. */
import { inbox } from 'hapax'
import { ledgerTable } from '../names.js'
import { consumerOptions, workOn } from './consumer.js'
import { openDatabase, openTransport } from './backends.js'
import { openWorker, over } from './worker.js'
import type { DatabaseName } from './backends.js'
import type { Work } from './consumer.js'

const { words, ledger, untilStopped } = openWorker(() => database.emitters)
const database = openDatabase(words.store as DatabaseName, words.storeAddress)
const transport = openTransport(words, words.concurrency, (incoming) => incoming.json() as Work)
const since = performance.timeOrigin - words.originMs
const handler = inbox(
  async (work: Work, context) => {
    await database.runIn(context.tx, `insert into ${ledgerTable(words.run)} (message, worker, at) values (?, ?, ?)`, [
      work.n,
      words.name,
      Math.round(since + performance.now()),
    ])
    await workOn(work, context, words, ledger)
  },
  { store: database.store, ...consumerOptions(words, ledger) },
)
const consumption = await transport.consume(handler)
void untilStopped().then(() => consumption.stop())
await consumption.done
await database.close()
over()
