import { kafkaBroker } from './brokers/kafka.js'
import { rabbitmqBroker } from './brokers/rabbitmq.js'
import { mysqlDemoStore } from './stores/mysql.js'
import { postgresDemoStore } from './stores/postgres.js'
import { redisDemoStore } from './stores/redis.js'
import type { BrokerProduct } from './brokers/broker.js'
import type { StoreProduct } from './stores/store.js'

export const brokerNames = ['kafka', 'rabbitmq'] as const
export const storeNames = ['redis', 'postgres', 'mysql'] as const
export type BrokerName = (typeof brokerNames)[number]
export type StoreName = (typeof storeNames)[number]

/** The products that the demo can be played on, by the option that names them. */
export const brokers: Readonly<Record<BrokerName, BrokerProduct>> = { kafka: kafkaBroker, rabbitmq: rabbitmqBroker }
export const stores: Readonly<Record<StoreName, StoreProduct>> = {
  redis: redisDemoStore,
  postgres: postgresDemoStore,
  mysql: mysqlDemoStore,
}

/** Real servers to play on, instead of the memory broker and store. */
export interface Servers {
  readonly broker: { readonly option: BrokerName; readonly at: string }
  readonly store: { readonly option: StoreName; readonly at: string }
  /** The charge is a row in a table of the store's database, written in the inbox's transaction; else it is a line in a file. */
  readonly inbox: boolean
}
