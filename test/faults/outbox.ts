/**
 * Messages through an outbox while its two relays are killed with SIGKILL all the time, and the database is killed and started again once. What was committed, the database says; what
 * arrived, and in which order, a consumer says that drops what it has had before by the id of the message.
 *
 *     npx tsx test/faults/outbox.ts --database postgres|mariadb --broker kafka|rabbitmq [--messages 20000] [--seconds 60] [--kill-every 2]
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { startMariadb } from '../services/mariadb.js'
import { kafkaBrokers, rabbitmqUrl, servicesDir } from '../services/places.js'
import { startPostgres } from '../services/postgres.js'
import { brokers, databases, openDatabase, openDestinations, openTransport } from './backends.js'
import { openCrew } from './crew.js'
import type { Server } from '../services/server.js'
import type { BrokerName, DatabaseName } from './backends.js'
import type { RelayWords } from './outbox-relay.js'

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'postgres' },
    broker: { type: 'string', default: 'kafka' },
    messages: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    'kill-every': { type: 'string', default: '2' },
  },
})
const database = values.database as DatabaseName
const broker = values.broker as BrokerName
if (!databases.includes(database) || !brokers.includes(broker)) throw new Error('--database postgres|mariadb --broker kafka|rabbitmq')
const count = Number(values.messages)
const overMs = Number(values.seconds) * 1_000

const folder = join(servicesDir, 'faults')
mkdirSync(folder, { recursive: true })
const begun = Date.now()
const say = (text: string): void => void process.stdout.write(`${((Date.now() - begun) / 1_000).toFixed(1).padStart(6)} s  ${text}\n`)

const [databaseServer, databaseUrl]: [Server, string] =
  database === 'postgres'
    ? [await startPostgres({ port: 5490, dir: join(folder, 'postgres') }), 'postgres://postgres@127.0.0.1:5490/postgres']
    : [await startMariadb({ port: 3390, dir: join(folder, 'mariadb') }), 'mysql://root@127.0.0.1:3390/test']
const brokerAddress = broker === 'kafka' ? (kafkaBrokers[0] ?? '') : rabbitmqUrl
const run = `faults_${Date.now().toString(36)}`
const opened = openDatabase(database, databaseUrl)
const { store, outbox } = opened
await store.applySchema()
await outbox.applySchema()
await opened.query('delete from hapax_outbox')
await opened.query(`create table ${run} (id varchar(100) primary key, entity varchar(20) not null, place integer not null)`)
const destinations = await openDestinations(broker, brokerAddress)
await destinations.make(run)

/** What arrived, in the order in which it was first handled. */
const arrived: string[] = []
const outcomes: Record<string, number> = {}
const transport = openTransport({
  broker,
  address: brokerAddress,
  destination: run,
  group: `${run}_checker`,
  // RabbitMQ keeps the order of a queue for a consumer that takes one message at a time.
  concurrency: broker === 'kafka' ? 16 : 1,
  decode: (incoming) => ({ id: incoming.headers['hapax-id'] ?? 'none' }),
})
const arrive = idempotent(
  ({ id }: { readonly id: string }) => {
    arrived.push(id)
  },
  {
    store: memoryStore(),
    scope: 'faults.arrive',
    key: ({ id }) => id,
    onOutcome: ({ status }) => (outcomes[status] = (outcomes[status] ?? 0) + 1),
  },
)
const consumption = await transport.consume(arrive)

let troubles = 0
say(`about ${count} messages, ${database}, ${broker}`)
const words: RelayWords = { database, databaseUrl, broker, brokerAddress }
const crew = await openCrew({
  entry: fileURLToPath(new URL('outbox-relay.ts', import.meta.url)),
  words,
  size: 2,
  killEveryMs: Number(values['kill-every']) * 1_000,
  burstMs: 0,
  folder,
  onTold: () => (troubles += 1),
  say,
})
say('the relays are ready')

/** A producer with entities of its own: the messages of one follow each other. Some of its transactions are rolled back, and some die with the database. */
async function produce(producer: number, messages: number): Promise<void> {
  const from = Date.now()
  const places = new Map<string, number>()
  for (let sent = 0; sent < messages;) {
    const many = 1 + Math.floor(Math.random() * 4)
    const entity = `e${producer}-${Math.floor(Math.random() * 25)}`
    const place = places.get(entity) ?? 0
    const ids = Array.from({ length: many }, () => randomUUID())
    const rollsBack = Math.random() < 0.05
    try {
      await store.transaction(async (tx) => {
        for (const [index, id] of ids.entries()) await opened.runIn(tx, `insert into ${run} values (?, ?, ?)`, [id, entity, place + index])
        const orderingKey = entity
        await outbox.send(
          tx,
          ids.map((id) => ({ destination: run, orderingKey, id, body: JSON.stringify({ entity }) })),
        )
        if (rollsBack) throw new Error('rolled back')
      })
    } catch {
      if (!rollsBack) await sleep(200)
    }
    // Whether it was committed or not, nobody knows better than the database: the places go on, so that they tell the order.
    places.set(entity, place + many)
    sent += many
    const dueMs = (sent / messages) * overMs
    if (Date.now() - from < dueMs) await sleep(dueMs - (Date.now() - from))
  }
}

async function restart(): Promise<void> {
  await sleep(overMs * 0.4)
  say(`${database} is killed and started again`)
  await databaseServer.kill()
  await sleep(2_000)
  await databaseServer.restart()
  say(`${database} is back`)
}

await Promise.all([restart(), ...Array.from({ length: 8 }, (_, producer) => produce(producer, count / 8))])
say('all are stored')
const wanted = await opened.query(`select id, entity, place from ${run} order by entity, place`)
const deadline = Date.now() + 300_000
while ((await outbox.depth()).waiting > 0 && Date.now() < deadline) await sleep(300)
say('the outbox is empty')
await crew.calm()
const ids = new Set(wanted.map(({ id }) => String(id)))
while (arrived.filter((id) => ids.has(id)).length < ids.size && Date.now() < deadline) await sleep(300)
for (let tries = 0; tries < 60 && (await destinations.left(run, `${run}_checker`)) > 0; tries += 1) await sleep(500)
await sleep(1_000)
await consumption.stop()
await crew.stop()

const when = new Map(arrived.map((id, index) => [id, index]))
const lost = wanted.filter(({ id }) => !when.has(String(id)))
const unknown = arrived.filter((id) => !ids.has(id))
const late: string[] = []
const last = new Map<string, number>()
for (const { id, entity } of wanted) {
  const at = when.get(String(id)) ?? -1
  if (at < (last.get(String(entity)) ?? -1)) late.push(String(id))
  last.set(String(entity), at)
}
const { setAside } = await outbox.depth()
process.stdout.write(`\n${crew.kills} relays killed, ${troubles} troubles; ${wanted.length} messages committed\n`)
process.stdout.write(`handled once ${new Set(arrived).size}, published again and dropped as duplicates ${outcomes.duplicate ?? 0}\n`)
process.stdout.write(
  `lost ${lost.length}, out of order ${late.length}, never committed ${unknown.length}, handled twice ${arrived.length - when.size}, set aside ${setAside}\n`,
)
await opened.query(`drop table ${run}`)
await destinations.remove(run)
await destinations.close()
await opened.close()
await databaseServer.stop()
const ok = lost.length + late.length + unknown.length + setAside === 0 && arrived.length === when.size
process.stdout.write(ok ? 'ok\n' : 'NOT OK\n')
// Whatever is left of a client that was cut off.
process.exit(ok ? 0 : 1)
