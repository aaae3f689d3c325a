/** One worker process under a lease: its effects are lines in its ledger. */
import { idempotent } from 'hapax'
import { consumerOptions, workOn } from './consumer.js'
import { openStore, openTransport } from './backends.js'
import { openWorker, over } from './worker.js'
import type { Work } from './consumer.js'

const { words, ledger, untilStopped } = openWorker(() => opened.emitters)
const opened = openStore(words.store, words.storeAddress)
const transport = openTransport(words, words.concurrency, (incoming) => incoming.json() as Work)
const handler = idempotent(
  async (work: Work, context) => {
    await workOn(work, context, words, ledger)
    ledger.write('e', work.n)
  },
  { store: opened.store, ...consumerOptions(words, ledger) },
)
const consumption = await transport.consume(handler)
void untilStopped().then(() => consumption.stop())
await consumption.done
await opened.close()
over()
