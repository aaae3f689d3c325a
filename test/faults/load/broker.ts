/** The broker as the load driver and the checker see it, by the bare clients and past the proxy: nothing here is shared with the library. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { deadLetterOf, delayStepsMs } from '../names.js'
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import type { BrokerName } from '../names.js'
import type { Sending } from './plan.js'

export interface Arrived {
  readonly body: string
  /** Why it is a dead letter; empty for other messages. */
  readonly reason: string
}

export interface Broker {
  /** Makes the topic or queue. */
  make(): Promise<void>
  /** Resolves when the broker has confirmed all of them, however long that takes: what it did not confirm is sent again. */
  send(sendings: readonly Sending[]): Promise<void>
  /** How much is left for the group: waiting, delayed, or not acknowledged. */
  left(): Promise<number>
  /** Calls for every message of this destination, from the first, in order, until it is closed. */
  read(destination: string, told: (arrived: Arrived) => void): Promise<{ close(): Promise<void> }>
  /** All dead letters. Only when nothing else will come. */
  deadLetters(): Promise<Arrived[]>
  close(): Promise<void>
}

export function openBroker(name: BrokerName, address: string, run: string): Broker {
  return name === 'kafka' ? openKafka(address, run) : openRabbitmq(address, run)
}

/** A load driver does not give up. */
async function persist<Value>(act: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await act()
    } catch {
      await sleep(250)
    }
  }
}

function openKafka(address: string, run: string): Broker {
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

function openRabbitmq(address: string, run: string): Broker {
  interface Opened {
    readonly connection: ChannelModel
    readonly channel: ConfirmChannel
    /** Rejects when it is over. */
    readonly over: Promise<never>
  }
  let opened: Promise<Opened> | undefined
  const openAnew = async (): Promise<Opened> => {
    const connection = await connect(address, { timeout: 5_000 })
    const channel = await connection.createConfirmChannel()
    const over = new Promise<never>((_, reject) => {
      for (const emitter of [connection, channel]) {
        emitter.on('error', () => undefined)
        emitter.on('close', () => {
          opened = undefined
          reject(new Error('closed'))
        })
      }
    })
    over.catch(() => undefined)
    return { connection, channel, over }
  }
  const open = (): Promise<Opened> => {
    opened ??= openAnew().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  /** On a channel of its own: one on which a queue is missing is closed. */
  const count = async (queue: string): Promise<number> => {
    const { connection } = await open()
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    try {
      return (await channel.checkQueue(queue)).messageCount
    } catch (error) {
      if ((error as { code?: number }).code === 404) return 0
      throw error
    } finally {
      await channel.close().catch(() => undefined)
    }
  }
  const publish = async (sendings: readonly Sending[]): Promise<void> => {
    const { channel, over } = await open()
    const confirmed = new Promise<void>((resolve, reject) => {
      let unsettled = sendings.length
      const settled = (error: unknown): void => {
        if (error !== null && error !== undefined) reject(error instanceof Error ? error : new Error('not confirmed'))
        else if ((unsettled -= 1) === 0) resolve()
      }
      for (const { body } of sendings) channel.sendToQueue(run, Buffer.from(body), { persistent: true }, settled)
    })
    await Promise.race([confirmed, over])
  }
  const queues = [run, `${run}.retry`, ...delayStepsMs.map((stepMs) => `${run}.retry.${stepMs}`)]
  const broker: Broker = {
    async make() {
      const { channel } = await open()
      await channel.assertQueue(run, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    },
    async send(sendings) {
      if (sendings.length > 0) await persist(() => publish(sendings))
    },
    left: () =>
      persist(async () => {
        let sum = 0
        for (const queue of queues) sum += await count(queue)
        return sum
      }),
    read(destination, told) {
      let isOver = false
      let reading: ChannelModel | undefined
      const begin = async (): Promise<void> => {
        const connection = (reading = await connect(address, { timeout: 5_000 }))
        connection.on('error', () => undefined)
        connection.on('close', () => void (isOver || persist(begin)))
        const channel = await connection.createChannel()
        channel.on('error', () => undefined)
        await channel.prefetch(100)
        await channel.consume(destination, (message) => {
          if (!message) return
          told({ body: String(message.content), reason: String(message.properties.headers?.['hapax-reason'] ?? '') })
          channel.ack(message)
        })
      }
      return persist(begin).then(() => ({
        async close() {
          isOver = true
          await reading?.close().catch(() => undefined)
        },
      }))
    },
    async deadLetters() {
      const queue = deadLetterOf('rabbitmq', run)
      const expected = await persist(() => count(queue))
      const found: Arrived[] = []
      if (expected === 0) return found
      const reader = await broker.read(queue, (arrived) => found.push(arrived))
      while (found.length < expected) await sleep(50)
      await reader.close()
      return found
    },
    async close() {
      await (await open()).connection.close()
    },
  }
  return broker
}
