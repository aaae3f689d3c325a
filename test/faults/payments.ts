/**
 * Many payments on real Kafka and Redis, about 30 % of the messages duplicates, by three worker processes, of which one is killed with
 * SIGKILL, one stalled with SIGSTOP for longer than its lease, and one replaced by a graceful stop. With --redis-outage Redis is stopped
 * for ten seconds in the middle, too; with --heedless the handler never asks its signal.
 *
 *     npx tsx test/faults/payments.ts [--payments 20000] [--seconds 60] [--redis-outage] [--heedless] [--seed 1]
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { kafkaBrokers, servicesDir } from '../services/places.js'
import { startRedis } from '../services/redis.js'
import { judge, type Hit } from './judge.js'
import type { Line } from './ledger.js'
import type { Words } from './worker.js'

const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    'redis-outage': { type: 'boolean', default: false },
    heedless: { type: 'boolean', default: false },
  },
})
const count = Number(values.payments)
const overMs = Number(values.seconds) * 1_000
const leaseMs = 15_000
const stallMs = leaseMs + 5_000

let state = Number(values.seed) >>> 0
const fraction = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

interface Sending {
  readonly atMs: number
  readonly producer: 0 | 1
  readonly key: string | null
  readonly value: string
  readonly id: string
}

/** Every payment once, and as many again that about 30 % of all messages are duplicates: next to the first, far after it, and at once from another producer. */
function plan(): Sending[] {
  const sendings: Sending[] = []
  for (let number = 0; number < count; number += 1) {
    const id = `pay-${number}`
    const value = JSON.stringify({ id, workMs: Math.round(2 + fraction() * 18 + (fraction() < 0.03 ? 2_000 : 0)) })
    const atMs = (number / count) * overMs
    sendings.push({ atMs, producer: 0, key: id, value, id })
    const which = fraction()
    if (which < 0.14) sendings.push({ atMs, producer: 0, key: id, value, id })
    else if (which < 0.28) sendings.push({ atMs, producer: 1, key: null, value, id })
    else if (which < 0.43) sendings.push({ atMs: atMs + fraction() * 20_000, producer: 1, key: id, value, id })
  }
  return sendings.sort((a, b) => a.atMs - b.atMs)
}

const folder = join(servicesDir, 'faults')
mkdirSync(folder, { recursive: true })
const run = `faults-${Date.now().toString(36)}`
const ledger = join(folder, `${run}.ndjson`)
const redis = await startRedis({ port: 6390, dir: join(folder, 'redis'), args: ['--maxmemory-policy', 'noeviction'] })
const kafka = new Kafka({ brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING })
const admin = kafka.admin()
const producers = [kafka.producer({ allowAutoTopicCreation: false }), kafka.producer({ allowAutoTopicCreation: false })] as const
await Promise.all([admin.connect(), ...producers.map((producer) => producer.connect())])
await admin.createTopics({ waitForLeaders: true, topics: [{ topic: run, numPartitions: 6 }] })

async function startWorker(name: string): Promise<ChildProcess> {
  const words: Words = {
    name,
    kafka: kafkaBrokers[0] ?? '',
    redis: `redis://${redis.address}`,
    topic: run,
    groupId: run,
    ledger,
    leaseMs,
    heedless: values.heedless,
  }
  const child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), [JSON.stringify(words)], { execArgv: ['--import', 'tsx'] })
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`${name} could not start (exit status ${code})`)))
  })
  return child
}

const gone = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once('exit', () => resolve()))
const say = (text: string): void => void process.stdout.write(`${((Date.now() - begun) / 1_000).toFixed(1).padStart(6)} s  ${text}\n`)

const [first, second, third] = await Promise.all([startWorker('worker-1'), startWorker('worker-2'), startWorker('worker-3')])
const children = [second]
const hits: Hit[] = []
const begun = Date.now()
const sendings = plan()
say(
  `${count} payments in ${sendings.length} messages (${Math.round((1 - count / sendings.length) * 100)} % duplicates) over ${overMs / 1_000} s; lease ${leaseMs / 1_000} s`,
)

async function publish(): Promise<void> {
  for (let sent = 0; sent < sendings.length;) {
    const nowMs = Date.now() - begun
    const due: Sending[] = []
    for (let next = sendings[sent]; next && next.atMs <= nowMs; next = sendings[sent]) {
      due.push(next)
      sent += 1
    }
    await Promise.all(
      producers.map((producer, index) => {
        const messages = due.filter((sending) => sending.producer === index).map(({ key, value }) => ({ key, value }))
        return messages.length > 0 ? producer.send({ topic: run, messages }) : Promise.resolve([])
      }),
    )
    await sleep(20)
  }
  say('all are published')
}

async function trouble(): Promise<void> {
  await sleep(overMs * 0.2)
  hits.push({ worker: 'worker-1', at: Date.now(), how: 'killed' })
  first.kill('SIGKILL')
  say('worker-1 is killed with SIGKILL')
  children.push(await startWorker('worker-4'))
  say('worker-4 has joined')
  if (values['redis-outage']) {
    await sleep(overMs * 0.1)
    await redis.stop()
    say('Redis is stopped')
    await sleep(10_000)
    await redis.restart()
    say('Redis is back')
  }
  await sleep(overMs * 0.1)
  hits.push({ worker: 'worker-2', at: Date.now(), how: 'stalled' })
  second.kill('SIGSTOP')
  say(`worker-2 is stalled with SIGSTOP for ${stallMs / 1_000} s`)
  await sleep(stallMs)
  second.kill('SIGCONT')
  say('worker-2 goes on')
  await sleep(overMs * 0.1)
  third.kill('SIGTERM')
  const stopping = Date.now()
  await gone(third)
  say(`worker-3 has stopped gracefully, in ${Date.now() - stopping} ms`)
  children.push(await startWorker('worker-5'))
  say('worker-5 has joined')
}

async function lag(groupId: string, topics: readonly string[]): Promise<number> {
  if (topics.length === 0) return 0
  let behind = 0
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics: [...topics] })) {
    const done = new Map(partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) behind += Number(high) - (done.get(partition) ?? 0)
  }
  return behind
}

async function left(connected: Admin): Promise<number> {
  const retryTopics = (await connected.listTopics()).filter((topic) => topic.startsWith(`${run}.${run}.retry.`))
  return (await lag(run, [run])) + (await lag(`${run}.retry`, retryTopics))
}

await Promise.all([publish(), trouble()])
const deadline = Date.now() + 180_000
for (let behind = await left(admin); behind > 0; behind = await left(admin)) {
  if (Date.now() > deadline) throw new Error(`${behind} messages are left after 180 s`)
  await sleep(500)
}
say('nothing is left on the broker')
await Promise.all(
  children.map((child) => {
    const over = gone(child)
    child.kill('SIGTERM')
    return over
  }),
)
const lines = readFileSync(ledger, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Line)
const verdict = judge(
  Array.from({ length: count }, (_, number) => `pay-${number}`),
  lines,
  hits,
)

const outcomes = Object.entries(verdict.outcomes).map(([outcome, times]) => `${times} ${outcome}`)
process.stdout.write(`\n${verdict.payments} payments, ${verdict.deliveries} deliveries settled: ${outcomes.join(', ')}\n`)
process.stdout.write(`lost         ${verdict.lost.length} ${verdict.lost.slice(0, 10).join(' ')}\n`)
process.stdout.write(`done twice   ${verdict.twice.length}\n`)
for (const { payment, times, hands } of verdict.twice)
  process.stdout.write(`  ${payment}: ${times} times, ${hands ? `in the hands of ${hands}` : 'UNEXPLAINED'}\n`)
for (const { hit, payments, longestMs, medianMs } of verdict.waits) {
  process.stdout.write(
    `${hit.worker} was ${hit.how} with ${payments} payments in its hands; what it had not charged waited ${(medianMs / 1_000).toFixed(1)} s (median), ${(longestMs / 1_000).toFixed(1)} s at the longest\n`,
  )
}
await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(run)) })
await Promise.all([admin.disconnect(), ...producers.map((producer) => producer.disconnect()), redis.stop()])
process.stdout.write(verdict.ok ? 'ok\n' : 'NOT OK\n')
process.exitCode = verdict.ok ? 0 : 1
