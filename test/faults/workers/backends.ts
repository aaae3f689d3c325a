/** Opens stores and transports by name, as a user would open them. */
import { createRequire } from 'node:module'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { mysqlOutbox, mysqlStore } from 'hapax/stores/mysql'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { redisStore } from 'hapax/stores/redis'
import { sqliteOutbox, sqliteStore } from 'hapax/stores/sqlite'
import { kafkaPublisher, kafkaTransport } from 'hapax/transports/kafka'
import { rabbitmqPublisher, rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { delayStepsMs } from '../names.js'
import type { EventEmitter } from 'node:events'
import type { PoolConnection } from 'mysql2/promise'
import type { PoolClient } from 'pg'
import type { Incoming, Outbox, Publisher, Store, TransactionalStore, Transport } from 'hapax'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { BrokerName, Places, StoreName } from '../names.js'

/** Where listeners could pile up. */
export type Emitters = readonly Pick<EventEmitter, 'eventNames' | 'listenerCount'>[]

export interface OpenedStore {
  readonly store: Store
  readonly emitters: Emitters
  close(): Promise<unknown>
}

/** What all that is made of a database has in common. */
export interface Database<Tx> extends OpenedStore {
  readonly store: TransactionalStore<Tx> & { applySchema(): Promise<void> }
  readonly outbox: Outbox<Tx> & { applySchema(): Promise<void> }
  /** Parameters are `?`. */
  runIn(tx: Tx, text: string, values: readonly (string | number)[]): Promise<void>
}

/** A transaction of one of them: nobody looks into it. */
export type AnyTx = object

export type DatabaseName = Exclude<StoreName, 'redis'>

export function openStore(name: StoreName, address: string): OpenedStore {
  return name === 'redis' ? openRedis(address) : openDatabase(name, address)
}

export function openDatabase(name: DatabaseName, address: string): Database<AnyTx> {
  const open: Record<DatabaseName, (address: string) => unknown> = { postgres: openPostgres, mariadb: openMariadb, sqlite: openSqlite }
  return open[name](address) as Database<AnyTx>
}

function openRedis(url: string): OpenedStore {
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  return { store: redisStore(redis), emitters: [redis], close: () => redis.quit().catch(() => redis.disconnect()) }
}

function openPostgres(url: string): Database<PoolClient> {
  const pool = new Pool({ connectionString: url, max: 24, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => undefined)
  return {
    store: postgresStore(pool, { idleLimitMs: 60_000 }),
    outbox: postgresOutbox(pool),
    emitters: [pool],
    async runIn(tx, text, values) {
      let place = 0
      await tx.query(
        text.replaceAll('?', () => `$${(place += 1)}`),
        [...values],
      )
    },
    close: () => pool.end(),
  }
}

function openMariadb(url: string): Database<PoolConnection> {
  const pool = createPool({ uri: url, connectionLimit: 24, connectTimeout: 5_000 })
  return {
    store: mysqlStore(pool, { idleLimitMs: 60_000 }),
    outbox: mysqlOutbox(pool),
    emitters: [pool],
    runIn: async (tx, text, values) => void (await tx.query(text, [...values])),
    close: () => pool.end(),
  }
}

function openSqlite(file: string): Database<SqliteHandle> {
  // Not an import: the Node that puts this together may have no `node:sqlite`.
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as { DatabaseSync: new (file: string) => SqliteHandle }
  const open = (): SqliteHandle => new DatabaseSync(file)
  const [store, outbox] = [sqliteStore(open), sqliteOutbox(open)]
  return {
    store,
    outbox,
    emitters: [],
    runIn: (tx, text, values) => {
      tx.prepare(text).all(...values)
      return Promise.resolve()
    },
    close: () => Promise.all([store.close(), outbox.close()]),
  }
}

export function openTransport<Message>(
  { broker, brokerAddress, run }: Pick<Places, 'broker' | 'brokerAddress' | 'run'>,
  concurrency: number,
  decode: (incoming: Incoming) => Message,
): Transport<Message> {
  if (broker === 'rabbitmq') return rabbitmqTransport(() => connect(brokerAddress), { queue: run, concurrency, delayStepsMs, decode })
  const kafka = new Kafka({ clientId: run, brokers: [brokerAddress], logLevel: logLevel.NOTHING })
  return kafkaTransport(kafka, {
    topic: run,
    groupId: run,
    startFrom: 'earliest',
    sessionTimeoutMs: 6_000,
    concurrency,
    delayStepsMs,
    decode,
  })
}

export function openPublisher(broker: BrokerName, address: string): Publisher & { close(): Promise<void> } {
  if (broker === 'rabbitmq') return rabbitmqPublisher(() => connect(address))
  const kafka = new Kafka({ clientId: 'relay', brokers: [address], logLevel: logLevel.NOTHING })
  return kafkaPublisher(kafka)
}
