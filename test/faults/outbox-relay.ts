/** One relay of an outbox fault run, as a process of its own: publishes until it is told to stop, or killed. */
import { openDatabase, openPublisher } from './backends.js'
import type { BrokerName, DatabaseName } from './backends.js'

export interface RelayWords {
  readonly database: DatabaseName
  readonly databaseUrl: string
  readonly broker: BrokerName
  readonly brokerAddress: string
}

const words = JSON.parse(process.argv[2] ?? '{}') as RelayWords
const database = openDatabase(words.database, words.databaseUrl)
const publisher = openPublisher(words.broker, words.brokerAddress)
const relay = await database.outbox.relay(publisher, {
  leaseMs: 3_000,
  pollMs: 200,
  onTrouble: ({ kind, message }) => process.send?.(`${kind}: ${message}`),
})
process.once('SIGTERM', () => void relay.stop())
process.send?.('ready')
await relay.done
await publisher.close()
await database.close()
process.disconnect?.()
