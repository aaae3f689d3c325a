import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaTransport } from 'hapax/transports/kafka'
import type { Admin, ITopicConfig, Message, Producer } from 'kafkajs'
import type { ConsumeOptions, Consumption, Delivery, Idempotent, Incoming, Marks, Outcome, Outgoing, Session, Trouble } from 'hapax'
import type { KafkaTransport, KafkaTransportOptions } from 'hapax/transports/kafka'

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits for a condition, never for time alone. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`)
    await sleep(10)
  }
}

export interface Seen {
  readonly text: string
  readonly incoming: Incoming
  readonly delivery: Delivery<string>
  readonly at: number
}

export const marksOf = (delivery: Delivery<string>, more: Partial<Marks> = {}): Marks => ({
  scope: 'test.scope',
  key: 'some key',
  attempts: delivery.attempts,
  postponements: delivery.postponements,
  replay: false,
  ...more,
})

/** A handler that settles as the test says, after taking a place, as the core does. */
export function makeHandler(
  run: (seen: Seen, session: Session) => Promise<void>,
  { windowMs = 86_400_000, scope = 'test.scope' }: { readonly windowMs?: number; readonly scope?: string } = {},
): Idempotent<string, unknown> & { readonly troubles: Trouble[]; readonly seen: Seen[] } {
  const troubles: Trouble[] = []
  const all: Seen[] = []
  const told = { scope, key: undefined, attempts: 0, postponements: 0, tookMs: 0 }
  return {
    troubles,
    seen: all,
    scope,
    settings: { windowMs, leaseMs: 30_000, maxRunMs: 900_000, retryDelaysMs: [1_000] },
    once: () => Promise.reject(new Error('not used')),
    check: () => Promise.resolve(),
    report: (trouble) => void troubles.push(trouble),
    async settle(delivery, session): Promise<Outcome> {
      if (!session) throw new Error('a transport hands over a session')
      const text = await delivery.decode()
      const leave = await session.places.take(delivery.signal)
      if (!leave) return { ...told, status: 'unsettled' }
      try {
        const seen = { text, incoming: delivery.incoming, delivery, at: Date.now() }
        all.push(seen)
        await run(seen, session)
        return { ...told, status: 'handled' }
      } finally {
        leave()
      }
    },
  }
}

/** A client whose process can be killed, as seen from the broker: its connections are gone, and it gets no new ones. */
export interface MortalKafka {
  readonly kafka: Kafka
  kill(): void
  /** It gets connections again. */
  revive(): void
  /** The connections that it has are dead, without a word to either end. */
  cutSilently(): void
  /** How many connections are open. */
  connections(): number
}

export function mortalKafka(broker: string): MortalKafka {
  const sockets = new Set<Socket>()
  let dead = false
  const kafka = new Kafka({
    clientId: 'mortal',
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    socketFactory({ host, port, onConnect }) {
      const socket = connect({ host, port: dead ? 1 : port }, onConnect)
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      return socket
    },
  })
  return {
    kafka,
    kill() {
      dead = true
      for (const socket of sockets) socket.destroy(new Error('killed'))
    },
    revive: () => void (dead = false),
    connections: () => sockets.size,
    cutSilently() {
      for (const socket of sockets) {
        socket.removeAllListeners('data')
        socket.write = () => true
      }
    },
  }
}

export interface Lab {
  readonly broker: string
  readonly topic: string
  readonly groupId: string
  readonly admin: Admin
  /** Creates a topic, if need be, and waits until it is there. */
  create(topic: string, options?: Omit<ITopicConfig, 'topic'>): Promise<void>
  /** A client of its own, as another process would have. */
  kafka(): Kafka
  transport(options?: LabTransportOptions): KafkaTransport<string>
  consume(handler: Idempotent<string, unknown>, options?: LabTransportOptions & ConsumeOptions): Promise<Consumption>
  send(messages: readonly (Message & { readonly topic?: string })[]): Promise<void>
  /** Through a transport. */
  publish(messages: readonly Outgoing[]): Promise<void>
  /** Everything in a topic of dead letters; nothing while the topic is not there. */
  deadLetters(
    topic: string,
  ): Promise<{ readonly bytes: Uint8Array; readonly headers: Record<string, string>; readonly orderingKey: string | undefined }[]>
  /** The group's offsets, by partition; -1 where there is none. */
  committed(groupId?: string, topic?: string): Promise<number[]>
  /** All messages of a topic, read as a stranger. */
  read(topic: string): Promise<
    {
      readonly key: string | undefined
      readonly value: string | undefined
      readonly bytes: Buffer | null
      readonly headers: Record<string, unknown>
      readonly timestamp: number
    }[]
  >
  close(): Promise<void>
}

export type LabTransportOptions = Partial<KafkaTransportOptions<string>> & { readonly client?: Kafka }

export interface LabOptions {
  readonly broker?: string
  readonly partitions?: number
}

export const testBroker: string = process.env['HAPAX_TEST_KAFKA'] ?? '127.0.0.1:9092'

/** A topic and a group of a test's own. */
export async function openLab({ broker = testBroker, partitions = 1 }: LabOptions = {}): Promise<Lab> {
  const id = randomUUID().slice(0, 8)
  const topic = `orders-${id}`
  const groupId = `billing-${id}`
  const kafka = (): Kafka =>
    new Kafka({ clientId: 'test', brokers: [broker], logLevel: process.env['HAPAX_TEST_KAFKA_LOG'] ? logLevel.INFO : logLevel.NOTHING })
  const admin = kafka().admin()
  let producer: Producer | undefined
  const opened: Consumption[] = []
  const closers: (() => Promise<void>)[] = []
  await admin.connect()
  const create: Lab['create'] = async (name, options) => {
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic: name, ...options }] })
    // A broker may not know at once what its controller has created.
    await until(`${name} is there`, () =>
      admin.fetchTopicOffsets(name).then(
        () => true,
        () => false,
      ),
    )
  }
  await create(topic, { numPartitions: partitions })

  const transport: Lab['transport'] = ({ client = kafka(), ...options } = {}) => {
    const made = kafkaTransport(client, { groupId, topic, decode: (incoming) => incoming.text(), delayStepsMs: [1_000, 3_000], ...options })
    closers.push(() => made.close())
    return made
  }
  const publisher = transport()
  const lab: Lab = {
    broker,
    topic,
    groupId,
    admin,
    create,
    kafka,
    transport,
    async consume(handler, { graceMs = 5_000, signal, ...options } = {}) {
      const consumption = await transport(options).consume(handler, { graceMs, ...(signal && { signal }) })
      opened.push(consumption)
      return consumption
    },
    async send(messages) {
      if (!producer) {
        producer = kafka().producer({ allowAutoTopicCreation: false, retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 1_000 } })
        await producer.connect()
      }
      const topics = new Map<string, Message[]>()
      for (const { topic: to = topic, ...message } of messages) topics.set(to, [...(topics.get(to) ?? []), message])
      await producer.sendBatch({ topicMessages: [...topics].map(([to, batch]) => ({ topic: to, messages: batch })) })
    },
    publish: (messages) => publisher.publish(messages),
    async deadLetters(from) {
      if (!(await admin.listTopics()).includes(from)) return []
      return (await lab.read(from)).map(({ bytes, headers, key }) => ({
        bytes: bytes ?? Buffer.alloc(0),
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
        orderingKey: key,
      }))
    },
    async committed(group = groupId, of = topic) {
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [of] })
      return (offsets?.partitions ?? []).toSorted((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset))
    },
    async read(from) {
      const ends = await admin.fetchTopicOffsets(from)
      const total = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
      const found: Awaited<ReturnType<Lab['read']>> = []
      if (total === 0) return found
      const consumer = kafka().consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 50 })
      await consumer.connect()
      await consumer.subscribe({ topics: [from], fromBeginning: true })
      await consumer.run({
        eachMessage: ({ message }) => {
          found.push({
            key: message.key?.toString(),
            value: message.value?.toString(),
            bytes: message.value,
            headers: message.headers ?? {},
            timestamp: Number(message.timestamp),
          })
          return Promise.resolve()
        },
      })
      await until(`all ${total} messages of ${from} are read`, () => found.length >= total)
      await consumer.disconnect()
      return found
    },
    async close() {
      await Promise.all(opened.map((consumption) => consumption.stop()))
      await Promise.all(closers.map((close) => close()))
      await producer?.disconnect()
      // A broker with thousands of partitions gets slow.
      const left = (await admin.listTopics()).filter((name) => name.includes(id))
      if (left.length > 0) await admin.deleteTopics({ topics: left }).catch(() => undefined)
      await admin.disconnect()
    },
  }
  return lab
}
