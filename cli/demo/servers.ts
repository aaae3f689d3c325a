import { fork } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadClients } from './clients.js'
import { readPayment } from './handlers.js'
import type { Admin, Kafka } from 'kafkajs'
import type { ChildProcess } from 'node:child_process'
import type { Entry } from './ledger.js'
import type { Played, Stage } from './stage.js'
import type { Scenario } from './payments.js'
import type { Way } from './handlers.js'
import type { WorkerWords } from './worker.js'

export interface Servers {
  /** `host:port` of a Kafka broker. */
  readonly kafka: string
  /** URL of a Redis server. */
  readonly redis: string
}

const killed = 'worker-2'
const stepMs = 100
const longestMs = 120_000

/** Plays the scenario on real servers, with a process for each worker; one of them is killed with SIGKILL. */
export async function playOnServers(way: Way, scenario: Scenario, servers: Servers, stage: Stage): Promise<Played> {
  const { kafkajs } = await loadClients()
  const kafka = new kafkajs.Kafka({ clientId: 'hapax-demo', brokers: [servers.kafka], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await admin.connect()
  await producer.connect()
  const run = `hapax-demo-${Date.now().toString(36)}-${way}`
  const folder = await mkdtemp(join(tmpdir(), 'hapax-demo-'))
  const ledger = openTail(join(folder, 'ledger.ndjson'), stage.write)
  const workers = new Map<string, ChildProcess>()
  try {
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: run, numPartitions: 6 }] })
    for (const name of ['worker-1', 'worker-2', 'worker-3']) {
      workers.set(name, await startWorker({ name, way, topic: run, groupId: run, ledger: ledger.path, ...servers }))
    }
    await publishAll(scenario, stage, async (nowMs, payments) => {
      await producer.send({
        topic: run,
        messages: payments.map(({ payment, keyed }) => ({ key: keyed ? payment.id : null, value: JSON.stringify(payment) })),
      })
      await ledger.read()
      const victim = workers.get(killed)
      if (victim && nowMs >= scenario.killAtMs) {
        workers.delete(killed)
        victim.kill('SIGKILL')
        stage.happening(`${killed} is killed with SIGKILL in the middle of its work`)
      }
    })
    await untilIdle(admin, run, stage, () => ledger.read())
    await Promise.all([...workers.values()].map(stopWorker))
    await ledger.read()
    return { entries: stage.entries(), deadLetters: await readDeadLetters(kafka, admin, `${run}.${run}.dlt`), killed }
  } finally {
    for (const worker of workers.values()) worker.kill('SIGKILL')
    await producer.disconnect()
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(run))
    if (topics.length > 0) await admin.deleteTopics({ topics }).catch(() => undefined)
    await admin.disconnect()
    await rm(folder, { recursive: true, force: true })
  }
}

async function startWorker(words: WorkerWords): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('../main.js', import.meta.url)), ['demo-worker', JSON.stringify(words)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`${words.name} could not start (exit status ${code})`)))
  })
  return child
}

async function stopWorker(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  await gone
}

async function publishAll(
  { sendings }: Scenario,
  { pace }: Stage,
  publish: (nowMs: number, sendings: Scenario['sendings']) => Promise<void>,
): Promise<void> {
  for (let nowMs = 0, sent = 0; sent < sendings.length; nowMs += stepMs) {
    const due = sendings.slice(sent).filter(({ atMs }) => atMs <= nowMs)
    sent += due.length
    await publish(nowMs, due)
    await pace(stepMs)
  }
}

/** Waits until both groups, that of the topic and that of its retry topics, have committed all that there is. */
async function untilIdle(admin: Admin, run: string, { pace }: Stage, read: () => Promise<void>): Promise<void> {
  for (let waitedMs = 0; waitedMs < longestMs; waitedMs += stepMs * 3) {
    await pace(stepMs * 3)
    await read()
    // A topic that was created a moment ago may be unknown to the broker that is asked.
    if (await nothingLeft(admin, run).catch(() => false)) return
  }
  throw new Error(`The workers are not done after ${longestMs / 1_000} s`)
}

async function nothingLeft(admin: Admin, run: string): Promise<boolean> {
  const retryTopics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${run}.${run}.retry.`))
  const lags = await Promise.all([lag(admin, run, [run]), lag(admin, `${run}.retry`, retryTopics)])
  return lags.every((each) => each === 0)
}

async function lag(admin: Admin, groupId: string, topics: readonly string[]): Promise<number> {
  if (topics.length === 0) return 0
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] })
  let behind = 0
  for (const { topic, partitions } of committed) {
    const done = new Map(partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) behind += Number(high) - (done.get(partition) ?? 0)
  }
  return behind
}

async function readDeadLetters(kafka: Kafka, admin: Admin, topic: string): Promise<string[]> {
  if (!(await admin.listTopics()).includes(topic)) return []
  const expected = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  const found: string[] = []
  if (expected === 0) return found
  const consumer = kafka.consumer({ groupId: `${topic}.reader`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          found.push(readPayment(JSON.parse(String(message.value))).id)
          if (found.length === expected) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return found
}

/** Reads what the workers append to the ledger, as far as they have got. */
function openTail(path: string, write: (entry: Entry) => void): { readonly path: string; read(): Promise<void> } {
  let seen = 0
  return {
    path,
    async read() {
      const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').slice(0, -1)
      for (const line of lines.slice(seen)) write(JSON.parse(line) as Entry)
      seen = lines.length
    },
  }
}
