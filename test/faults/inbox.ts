/**
 * Payments with duplicates through an inbox, while its workers are killed with SIGKILL all the time, the database is restarted once, and the broker, too, if asked for. Judged by the
 * ledger in the database: every payment stands in it once.
 *
 *     npx tsx test/faults/inbox.ts --database postgres|mariadb --broker kafka|rabbitmq [--payments 10000] [--seconds 60] [--kill-every 2] [--restart-broker] [--leave-database]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startKafka } from '../services/kafka.js'
import { startMariadb } from '../services/mariadb.js'
import { kafkaBrokers, rabbitmqUrl, servicesDir } from '../services/places.js'
import { startPostgres } from '../services/postgres.js'
import { startRabbitmq } from '../services/rabbitmq.js'
import { brokers, databases, openDatabase, openDestinations, openPublisher } from './backends.js'
import { openCrew } from './crew.js'
import type { Server } from '../services/server.js'
import type { BrokerName, DatabaseName } from './backends.js'
import type { InboxPayment, InboxWords } from './inbox-worker.js'

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'postgres' },
    broker: { type: 'string', default: 'rabbitmq' },
    payments: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    'kill-every': { type: 'string', default: '2' },
    'restart-broker': { type: 'boolean', default: false },
    'leave-database': { type: 'boolean', default: false },
    workers: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
})
const database = values.database as DatabaseName
const broker = values.broker as BrokerName
if (!databases.includes(database) || !brokers.includes(broker)) throw new Error('--database postgres|mariadb --broker kafka|rabbitmq')
const count = Number(values.payments)
const overMs = Number(values.seconds) * 1_000
const killEveryMs = Number(values['kill-every']) * 1_000

let state = Number(values.seed) >>> 0
const fraction = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

const folder = join(servicesDir, 'faults')
mkdirSync(folder, { recursive: true })
const begun = Date.now()
const say = (text: string): void => void process.stdout.write(`${((Date.now() - begun) / 1_000).toFixed(1).padStart(6)} s  ${text}\n`)

const [databaseServer, databaseUrl]: [Server, string] =
  database === 'postgres'
    ? [await startPostgres({ port: 5490, dir: join(folder, 'postgres') }), 'postgres://postgres@127.0.0.1:5490/postgres']
    : [await startMariadb({ port: 3390, dir: join(folder, 'mariadb') }), 'mysql://root@127.0.0.1:3390/test']
let brokerServer: Server | undefined
let brokerAddress = broker === 'kafka' ? (kafkaBrokers[0] ?? '') : rabbitmqUrl
if (values['restart-broker']) {
  brokerServer =
    broker === 'kafka'
      ? await startKafka({ port: 9690, dir: join(folder, 'kafka') })
      : await startRabbitmq({ port: 5690, dir: join(folder, 'rabbitmq') })
  brokerAddress = broker === 'kafka' ? '127.0.0.1:9690' : 'amqp://guest:guest@127.0.0.1:5690'
}

const run = `faults_${Date.now().toString(36)}`
const ledger = `${run}_ledger`
const opened = openDatabase(database, databaseUrl)
await opened.store.applySchema()
await opened.query(`create table ${ledger} (payment varchar(100) not null, cents integer not null)`)
const destinations = await openDestinations(broker, brokerAddress)
await destinations.make(run)
const publisher = openPublisher(broker, brokerAddress)

interface Sending {
  readonly atMs: number
  readonly payment: InboxPayment
}
const payments: InboxPayment[] = Array.from({ length: count }, (_, number) => ({
  id: `pay-${number}`,
  cents: 1 + Math.floor(fraction() * 100_000),
  workMs: Math.round(fraction() * 20 + (fraction() < 0.02 ? 1_000 : 0)),
}))
const sendings: Sending[] = payments.flatMap((payment, number) => {
  const atMs = (number / count) * overMs
  const which = fraction()
  // Next to the first, a little later, and long after it: about 30 % of all messages.
  if (which < 0.2)
    return [
      { atMs, payment },
      { atMs, payment },
    ]
  if (which < 0.43)
    return [
      { atMs, payment },
      { atMs: atMs + fraction() * 20_000, payment },
    ]
  return [{ atMs, payment }]
})
sendings.sort((a, b) => a.atMs - b.atMs)

const outcomes: Record<string, number> = {}
let troubles = 0
let lastAt = 0
/** The longest time in which nothing was settled. */
let pause = { ms: 0, endedAt: 0 }
say(
  `${count} payments in ${sendings.length} messages (${Math.round((1 - count / sendings.length) * 100)} % duplicates), ${broker}, ${database}`,
)
const words: Omit<InboxWords, 'name'> = { database, databaseUrl, broker, brokerAddress, destination: run, ledger }
const crew = await openCrew({
  entry: fileURLToPath(new URL('inbox-worker.ts', import.meta.url)),
  words,
  size: Number(values.workers),
  killEveryMs,
  burstMs: broker === 'kafka' ? 10_000 : 0,
  folder,
  onTold(what) {
    if (what.includes(': ')) troubles += 1
    else {
      outcomes[what] = (outcomes[what] ?? 0) + 1
      const now = Date.now()
      if (lastAt > 0 && now - lastAt > pause.ms) pause = { ms: now - lastAt, endedAt: now }
      lastAt = now
    }
  },
  say,
})
say('the workers are ready')
const from = Date.now()

async function publish(): Promise<void> {
  let sent = 0
  while (sent < sendings.length) {
    const nowMs = Date.now() - from
    const due: Sending[] = []
    for (let next = sendings[sent]; next && next.atMs <= nowMs && due.length < 1_000; next = sendings[sent]) {
      due.push(next)
      sent += 1
    }
    const messages = due.map(({ payment }) => ({ destination: run, orderingKey: payment.id, body: JSON.stringify(payment) }))
    // What was not confirmed is published again, which makes duplicates of its own.
    for (;;) {
      try {
        await publisher.publish(messages)
        break
      } catch {
        await sleep(500)
      }
    }
    await sleep(20)
  }
  say('all are published')
}

async function restart(): Promise<void> {
  await sleep(overMs * 0.4)
  if (!values['leave-database']) {
    say(`${database} is killed and started again`)
    await databaseServer.kill()
    await sleep(2_000)
    await databaseServer.restart()
    say(`${database} is back`)
  }
  if (!brokerServer) return
  await sleep(overMs * 0.2)
  say(`${broker} is stopped and started again`)
  await brokerServer.restart()
  say(`${broker} is back`)
}

const done = async (): Promise<number> => {
  const [row] = await opened.query(`select count(distinct payment) as n from ${ledger}`).catch(() => [])
  return Number(row?.n ?? 0)
}
await Promise.all([publish(), restart()])
const deadline = Date.now() + 300_000
for (let ready = await done(); ready < count; ready = await done()) {
  if (Date.now() > deadline) {
    say(`only ${ready} are in the ledger after 300 s`)
    break
  }
  await sleep(500)
}
say('every payment is in the ledger')
await crew.calm()
// What is left by now are duplicates; they are to do nothing.
for (let tries = 0; tries < 240 && (await destinations.left(run, run).catch(() => 1)) > 0; tries += 1) await sleep(500)
say(`left on the broker: ${await destinations.left(run, run)}`)
await sleep(2_000)
await crew.stop()
const left = await destinations.left(run, run)

const rows = await opened.query(`select payment, count(*) as times, sum(cents) as cents from ${ledger} group by payment`)
const times = new Map(rows.map(({ payment, times: each }) => [String(payment), Number(each)]))
const lost = payments.filter(({ id }) => !times.has(id))
const twice = payments.filter(({ id }) => (times.get(id) ?? 0) > 1)
const sum = rows.reduce((total, { cents }) => total + Number(cents), 0)
const wanted = payments.reduce((total, { cents }) => total + cents, 0)
const told = Object.entries(outcomes).map(([outcome, each]) => `${each} ${outcome}`)
process.stdout.write(`\n${crew.kills} workers killed; told by those that lived to tell: ${told.join(', ')}; ${troubles} troubles\n`)
process.stdout.write(
  `the longest pause was ${(pause.ms / 1_000).toFixed(1)} s, and ended at ${((pause.endedAt - begun) / 1_000).toFixed(1)} s\n`,
)
process.stdout.write(`lost ${lost.length}, done twice ${twice.length}, left on the broker ${left}\n`)
process.stdout.write(`the ledger holds ${sum} cents, and should hold ${wanted}: ${sum === wanted ? 'exact' : `off by ${sum - wanted}`}\n`)
await opened.query(`drop table ${ledger}`)
await publisher.close()
await destinations.remove(run)
await destinations.close()
await opened.close()
await databaseServer.stop()
await brokerServer?.stop()
const ok = lost.length === 0 && twice.length === 0 && sum === wanted
process.stdout.write(ok ? 'ok\n' : 'NOT OK\n')
// Whatever is left of a client that was cut off.
process.exit(ok ? 0 : 1)
