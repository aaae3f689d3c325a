/** One relay of an outbox. */
import { openDatabase, openPublisher } from './backends.js'
import { openWorker, over } from './worker.js'
import type { DatabaseName } from './backends.js'

const { words, ledger, untilStopped } = openWorker(() => database.emitters)
const database = openDatabase(words.store as DatabaseName, words.storeAddress)
const publisher = openPublisher(words.broker, words.brokerAddress)
const relay = await database.outbox.relay(publisher, {
  leaseMs: words.leaseMs,
  pollMs: 200,
  onTrouble: ({ kind, message }) => ledger.write('t', -1, `${kind} ${message.replaceAll('\n', ' ')}`),
})
void untilStopped().then(() => relay.stop())
await relay.done
await publisher.close()
await database.close()
over()
