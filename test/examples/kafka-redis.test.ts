import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../services/free-ports.js'
import { kafkaBrokers, redisUrl } from '../services/places.js'
import { runExample } from './child.js'
import { openPayments } from './payments.js'
import type { Child } from './child.js'
import type { Payments } from './payments.js'

const topic = `hapax-test-${randomUUID()}`
const kafka = new Kafka({ brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING })
const admin = kafka.admin()
const producer = kafka.producer()
let payments: Payments
let child: Child | undefined

beforeAll(async () => {
  payments = await openPayments()
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })
})
afterEach(() => child?.signal('SIGKILL'))
afterAll(async () => {
  const topics = (await admin.listTopics()).filter((name) => name.startsWith(topic))
  await admin.deleteTopics({ topics })
  await Promise.all([admin.disconnect(), producer.disconnect(), payments.close()])
})

/** Without a message key: what is the same comes side by side, as after a producer's retry. */
async function publish(...orders: readonly unknown[]): Promise<void> {
  await producer.send({ topic, messages: orders.map((order) => ({ value: JSON.stringify(order) })) })
}

test('the program charges each order once, says how it is, and ends in order', { timeout: 120_000 }, async () => {
  const port = await freePort()
  const running = runExample('kafka-redis.ts', {
    REDIS_URL: redisUrl,
    KAFKA_BROKER: kafkaBrokers[0] ?? '',
    ORDERS_TOPIC: topic,
    PAYMENTS_URL: payments.url,
    PROBE_PORT: String(port),
  })
  child = running
  const probe = async (): Promise<number | string> => {
    try {
      return (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).status
    } catch {
      return `no answer; the program has printed: ${running.output()}`
    }
  }
  await expect.poll(probe, { timeout: 60_000, interval: 200 }).toBe(200)

  const id = (name: string): string => `${topic}-${name}`
  const orders = ['a', 'b', 'c', 'd'].map((name) => ({ id: id(name), cents: 500 }))
  payments.answer(id('b'), 503)
  await publish(...orders, ...orders)
  await publish('no order', ...orders)
  const distinct = (): number => new Set(payments.charged).size
  await expect.poll(distinct, { timeout: 30_000 }).toBe(4)

  const release = payments.hold(id('slow'))
  await publish({ id: id('slow'), cents: 500 })
  await expect.poll(() => payments.pending.has(id('slow')), { timeout: 30_000 }).toBe(true)
  running.signal('SIGTERM')
  await expect.poll(probe).toBe(503)
  release()
  expect(await running.ended, running.output()).toBe(0)
  expect(payments.charged.toSorted()).toEqual([...orders.map((order) => order.id), id('slow')].toSorted())

  const deadLetters = await admin.fetchTopicOffsets(`${topic}.billing.dlt`)
  expect(deadLetters.reduce((sum, { high }) => sum + Number(high), 0)).toBe(1)
})
