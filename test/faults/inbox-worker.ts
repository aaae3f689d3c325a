/** One worker process of an inbox fault run: writes payments into the ledger of a database until it is told to stop, or killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { inbox } from 'hapax'
import { openDatabase, openTransport } from './backends.js'
import type { BrokerName, DatabaseName } from './backends.js'

export interface InboxWords {
  readonly name: string
  readonly database: DatabaseName
  readonly databaseUrl: string
  readonly broker: BrokerName
  readonly brokerAddress: string
  readonly destination: string
  readonly ledger: string
}

export interface InboxPayment {
  readonly id: string
  readonly cents: number
  readonly workMs: number
}

const words = JSON.parse(process.argv[2] ?? '{}') as InboxWords
const database = openDatabase(words.database, words.databaseUrl)
const payments = openTransport({
  broker: words.broker,
  address: words.brokerAddress,
  destination: words.destination,
  group: words.destination,
  concurrency: 16,
  decode: (incoming) => incoming.json() as InboxPayment,
})
const charge = inbox(
  async (payment: InboxPayment, { tx }) => {
    // The ledger has no key of its own: whatever is done twice stands in it twice.
    await database.runIn(tx, `insert into ${words.ledger} (payment, cents) values (?, ?)`, [payment.id, payment.cents])
    await sleep(payment.workMs)
  },
  {
    store: database.store,
    // The database keeps what earlier runs have consumed.
    scope: `${words.destination}.charge`,
    key: (payment) => payment.id,
    leaseMs: 5_000,
    maxAttempts: 20,
    // It is not the messages that kill here: none is to be set aside for it.
    maxLapses: 1_000,
    retryDelaysMs: [500],
    onOutcome: ({ status }) => process.send?.(status),
    onTrouble: ({ kind, message }) => process.send?.(`${kind}: ${message}`),
  },
)
const consumption = await payments.consume(charge)
process.once('SIGTERM', () => void consumption.stop())
process.send?.('ready')
await consumption.done
await database.close()
process.disconnect?.()
