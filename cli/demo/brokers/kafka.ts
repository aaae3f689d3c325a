import { kafkaTransport } from '../../../adapters/transports/kafka.js'
import { concurrency, delaysMs, readPayment } from '../handlers.js'
import type { Admin, Kafka } from 'kafkajs'
import type { BrokerProduct } from './broker.js'

const load = () => import('kafkajs')

async function connectTo(at: string, clientId: string, retries: number): Promise<Kafka> {
  const kafkajs = await load()
  return new kafkajs.Kafka({ clientId, brokers: at.split(','), logLevel: kafkajs.logLevel.NOTHING, retry: { retries } })
}

export const kafkaBroker: BrokerProduct = {
  name: 'Kafka',
  client: 'kafkajs',
  load,
  faultOf: (at) => (/^[^\s/:,]+:\d+(,[^\s/:,]+:\d+)*$/.test(at) ? undefined : 'must be HOST:PORT such as localhost:9092'),

  async open(at, run) {
    const probe = (await connectTo(at, 'hapax-demo', 0)).admin()
    await probe.connect()
    await probe.disconnect()
    const kafka = await connectTo(at, 'hapax-demo', 5)
    const admin = kafka.admin()
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await admin.connect()
    await producer.connect()
    const deadLetterTopic = `${run}.${run}.dlt`
    const topics = async (prefix: string): Promise<string[]> => (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    return {
      async make() {
        await admin.createTopics({ waitForLeaders: true, topics: [{ topic: run, numPartitions: 6 }] })
      },
      async publish(sendings) {
        const messages = sendings.map(({ payment, keyed }) => ({ key: keyed ? payment.id : null, value: JSON.stringify(payment) }))
        if (messages.length > 0) await producer.send({ topic: run, messages })
      },
      async left() {
        const retryTopics = await topics(`${run}.${run}.retry.`)
        const lags = await Promise.all([lag(admin, run, [run]), lag(admin, `${run}.retry`, retryTopics)])
        return lags.reduce((sum, each) => sum + each, 0)
      },
      async deadLetters() {
        return (await topics(deadLetterTopic)).length > 0 ? readAll(kafka, admin, deadLetterTopic) : []
      },
      async remove() {
        const made = await topics(run)
        if (made.length > 0) await admin.deleteTopics({ topics: made })
        // A group whose member was killed a moment ago is not let go yet. Without topics it is nothing, and Kafka forgets it by itself.
        for (const group of [run, `${run}.retry`, `${deadLetterTopic}.reader`]) await admin.deleteGroups([group]).catch(() => undefined)
      },
      async close() {
        await producer.disconnect()
        await admin.disconnect()
      },
    }
  },

  async transport(at, run, worker) {
    return kafkaTransport(await connectTo(at, worker, 5), {
      topic: run,
      groupId: run,
      startFrom: 'earliest',
      concurrency,
      delayStepsMs: delaysMs,
      sessionTimeoutMs: 6_000,
      decode: (incoming) => readPayment(incoming.json()),
    })
  },
}

/** How many messages a group has not committed. */
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

async function readAll(kafka: Kafka, admin: Admin, topic: string): Promise<readonly string[]> {
  const expected = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  const found: string[] = []
  if (expected === 0) return found
  const consumer = kafka.consumer({ groupId: `${topic}.reader`, maxWaitTimeInMs: 100 })
  try {
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
  } finally {
    await consumer.disconnect()
  }
  return found
}
