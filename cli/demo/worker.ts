import { appendFileSync } from 'node:fs'
import { systemRuntime } from '../../src/index.js'
import { redisStore } from '../../adapters/stores/redis.js'
import { kafkaTransport } from '../../adapters/transports/kafka.js'
import { loadClients } from './clients.js'
import { delaysMs, makeHandler, readPayment } from './handlers.js'
import type { Way } from './handlers.js'

/** What a worker process is told on its command line. */
export interface WorkerWords {
  readonly name: string
  readonly way: Way
  readonly kafka: string
  readonly redis: string
  readonly topic: string
  readonly groupId: string
  /** The file that all workers append to. */
  readonly ledger: string
}

/** One worker of the demo on real servers, until it is told to stop, or killed. */
export async function runDemoWorker(json: string): Promise<number> {
  const words = JSON.parse(json) as WorkerWords
  const { kafkajs, Redis } = await loadClients()
  const kafka = new kafkajs.Kafka({ clientId: words.name, brokers: [words.kafka], logLevel: kafkajs.logLevel.NOTHING })
  const redis = new Redis(words.redis)
  redis.on('error', () => undefined)
  const payments = kafkaTransport(kafka, {
    topic: words.topic,
    groupId: words.groupId,
    startFrom: 'earliest',
    concurrency: 8,
    delayStepsMs: delaysMs,
    sessionTimeoutMs: 6_000,
    decode: (incoming) => readPayment(incoming.json()),
  })
  const handler = makeHandler(words.way, {
    name: words.name,
    store: redisStore(redis, { prefix: `${words.topic}:` }),
    runtime: systemRuntime,
    // One short line each, appended at once: it is there even if the process is killed right after.
    write: (entry) => appendFileSync(words.ledger, `${JSON.stringify(entry)}\n`),
  })
  const consumption = await payments.consume(handler)
  process.once('SIGTERM', () => void consumption.stop())
  process.send?.('ready')
  await consumption.done
  await redis.quit()
  process.disconnect?.()
  return 0
}
