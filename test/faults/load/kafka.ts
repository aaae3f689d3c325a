import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { deadLetterOf } from '../names.js'
import { persist } from './broker.js'
import type { Arrived, Broker } from './broker.js'

export function openKafka(address: string, run: string): Broker {
  const kafka = new Kafka({
    clientId: 'load',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    requestTimeout: 5_000,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 500 },
  })
  const admin = kafka.admin()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  let connected: Promise<void> | undefined
  const open = (): Promise<void> => (connected ??= Promise.all([admin.connect(), producer.connect()]).then(() => undefined))
  const lag = async (groupId: string, topics: string[]): Promise<number> => {
    if (topics.length === 0) return 0
    let behind = 0
    for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
      const done = new Map(partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) behind += Number(high) - (done.get(partition) ?? 0)
    }
    return behind
  }
  const highOf = async (topic: string): Promise<number> =>
    (await admin.listTopics()).includes(topic)
      ? (await admin.fetchTopicOffsets(topic)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
      : 0
  const broker: Broker = {
    async make() {
      await open()
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic: run, numPartitions: 6 }] })
    },
    async send(sendings) {
      const messages = sendings.map(({ orderingKey, body }) => ({ key: orderingKey ?? null, value: body }))
      await persist(() => producer.send({ topic: run, messages }))
    },
    left: () =>
      persist(async () => {
        await open()
        const retries = (await admin.listTopics()).filter((topic) => topic.startsWith(`${run}.${run}.retry.`))
        return (await lag(run, [run])) + (await lag(`${run}.retry`, retries))
      }),
    async read(destination, told) {
      // One that dies with the broker begins again, and is told again what it has had: the first time is what counts.
      const consumer = kafka.consumer({
        groupId: `${run}.reader.${destination}`,
        sessionTimeout: 6_000,
        retry: { retries: 1_000, maxRetryTime: 500 },
      })
      await consumer.connect()
      await consumer.subscribe({ topic: destination, fromBeginning: true })
      await consumer.run({
        partitionsConsumedConcurrently: 6,
        eachMessage: ({ message }) => {
          told({ body: String(message.value), reason: String(message.headers?.['hapax-reason'] ?? '') })
          return Promise.resolve()
        },
      })
      return { close: () => consumer.disconnect() }
    },
    async deadLetters() {
      const topic = deadLetterOf('kafka', run)
      const expected = await persist(() => highOf(topic))
      const found: Arrived[] = []
      if (expected === 0) return found
      const reader = await broker.read(topic, (arrived) => found.push(arrived))
      while (found.length < expected) await sleep(50)
      await reader.close()
      return found
    },
    async close() {
      await Promise.all([admin.disconnect(), producer.disconnect()])
    },
  }
  return broker
}
