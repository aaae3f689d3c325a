/** Opens stores and transports by name: what the workers of a fault run have in common. */
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { mysqlOutbox, mysqlStore } from 'hapax/stores/mysql'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { kafkaPublisher, kafkaTransport } from 'hapax/transports/kafka'
import { rabbitmqPublisher, rabbitmqTransport } from 'hapax/transports/rabbitmq'
import type { PoolConnection } from 'mysql2/promise'
import type { PoolClient } from 'pg'
import type { Incoming, Outbox, Publisher, TransactionalStore, Transport } from 'hapax'

export const databases = ['postgres', 'mariadb'] as const
export const brokers = ['kafka', 'rabbitmq'] as const
export type DatabaseName = (typeof databases)[number]
export type BrokerName = (typeof brokers)[number]

/** What all that is made of a database has in common for a fault run. */
export interface Database<Tx> {
  readonly store: TransactionalStore<Tx> & { applySchema(): Promise<void> }
  readonly outbox: Outbox<Tx> & { applySchema(): Promise<void> }
  /** Parameters are `?`. */
  runIn(tx: Tx, text: string, values: readonly (string | number)[]): Promise<void>
  query(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  close(): Promise<void>
}

/** A transaction of one of them: nobody looks into it. */
export type AnyTx = object

export function openDatabase(name: DatabaseName, url: string): Database<AnyTx> {
  const opened: unknown = name === 'postgres' ? openPostgres(url) : openMariadb(url)
  return opened as Database<AnyTx>
}

function openPostgres(url: string): Database<PoolClient> {
  const pool = new Pool({ connectionString: url, max: 24, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => undefined)
  return {
    store: postgresStore(pool, { idleLimitMs: 60_000 }),
    outbox: postgresOutbox(pool),
    async runIn(tx, text, values) {
      let place = 0
      await tx.query(
        text.replaceAll('?', () => `$${(place += 1)}`),
        [...values],
      )
    },
    query: async (text) => (await pool.query<Record<string, unknown>>(text)).rows,
    close: () => pool.end(),
  }
}

function openMariadb(url: string): Database<PoolConnection> {
  const pool = createPool({ uri: url, connectionLimit: 24, connectTimeout: 5_000 })
  return {
    store: mysqlStore(pool, { idleLimitMs: 60_000 }),
    outbox: mysqlOutbox(pool),
    runIn: async (tx, text, values) => void (await tx.query(text, [...values])),
    query: async (text) => {
      const [rows] = await pool.query(text)
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
    },
    close: () => pool.end(),
  }
}

export interface Consuming<Message> {
  readonly broker: BrokerName
  readonly address: string
  readonly destination: string
  readonly group: string
  readonly concurrency: number
  readonly decode: (incoming: Incoming) => Message
}

export function openTransport<Message>({
  broker,
  address,
  destination,
  group,
  concurrency,
  decode,
}: Consuming<Message>): Transport<Message> {
  const delayStepsMs = [500, 2_000, 10_000]
  if (broker === 'rabbitmq') return rabbitmqTransport(() => connect(address), { queue: destination, concurrency, delayStepsMs, decode })
  const kafka = new Kafka({ clientId: group, brokers: [address], logLevel: logLevel.NOTHING })
  return kafkaTransport(kafka, {
    topic: destination,
    groupId: group,
    startFrom: 'earliest',
    sessionTimeoutMs: 6_000,
    concurrency,
    delayStepsMs,
    decode,
  })
}

/** A publisher to topics or queues, for producers and relays. */
export function openPublisher(broker: BrokerName, address: string): Publisher & { close(): Promise<void> } {
  if (broker === 'rabbitmq') return rabbitmqPublisher(() => connect(address))
  const kafka = new Kafka({ clientId: 'publisher', brokers: [address], logLevel: logLevel.NOTHING })
  return kafkaPublisher(kafka)
}

/** What a broker says of a destination and its retries. */
export interface Destinations {
  make(name: string): Promise<void>
  /** How much is left of it for this group: waiting, delayed, or not acknowledged (Kafka). */
  left(name: string, group: string): Promise<number>
  remove(name: string): Promise<void>
  close(): Promise<void>
}

export async function openDestinations(broker: BrokerName, address: string): Promise<Destinations> {
  return broker === 'kafka' ? openTopics(address) : openQueues(address)
}

async function openTopics(address: string): Promise<Destinations> {
  const admin = new Kafka({ clientId: 'admin', brokers: [address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const lag = async (groupId: string, topics: string[]): Promise<number> => {
    if (topics.length === 0) return 0
    let behind = 0
    for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
      const done = new Map(partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) behind += Number(high) - (done.get(partition) ?? 0)
    }
    return behind
  }
  return {
    make: async (name) => void (await admin.createTopics({ waitForLeaders: true, topics: [{ topic: name, numPartitions: 6 }] })),
    async left(name, group) {
      const retries = (await admin.listTopics()).filter((topic) => topic.startsWith(`${name}.${group}.retry.`))
      return (await lag(group, [name])) + (await lag(`${group}.retry`, retries))
    },
    async remove(name) {
      await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(name)) })
    },
    close: () => admin.disconnect(),
  }
}

async function openQueues(address: string): Promise<Destinations> {
  const all = (name: string): readonly string[] => [name, `${name}.retry`, ...[500, 2_000, 10_000].map((ms) => `${name}.retry.${ms}`)]
  /** A channel of its own each time: one on which a queue is missing is closed. */
  const onChannel = async (
    act: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>) => Promise<number>,
  ): Promise<number> => {
    const connection = await connect(address)
    connection.on('error', () => undefined)
    try {
      const channel = await connection.createChannel()
      channel.on('error', () => undefined)
      return await act(channel)
    } finally {
      await connection.close().catch(() => undefined)
    }
  }
  return {
    make: async (name) => void (await onChannel(async (channel) => (await channel.assertQueue(name, { durable: true })).messageCount)),
    async left(name) {
      let sum = 0
      for (const queue of all(name))
        sum += await onChannel(async (channel) => (await channel.checkQueue(queue)).messageCount).catch(() => 0)
      return sum
    },
    async remove(name) {
      for (const queue of [...all(name), `${name}.dlq`])
        await onChannel(async (channel) => (await channel.deleteQueue(queue)).messageCount).catch(() => undefined)
    },
    close: () => Promise.resolve(),
  }
}
