// Type-checked against the packed package, with no client library installed: its types must stand on their own.
import { idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { mysqlStore } from 'hapax/stores/mysql'
import { postgresStore } from 'hapax/stores/postgres'
import { redisStore } from 'hapax/stores/redis'
import { sqliteStore } from 'hapax/stores/sqlite'
import * as testing from 'hapax/testing'
import { kafkaTransport } from 'hapax/transports/kafka'
import * as memoryTransport from 'hapax/transports/memory'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'

interface Order {
  readonly id: string
  readonly amount: number
}

const charge = idempotent(async (order: Order) => order.amount, {
  store: memoryStore(),
  scope: 'billing.charge',
  key: (order) => order.id,
})

const result = await charge.once({ id: 'a', amount: 3 })
if (result.status === 'handled') console.log(result.value.toFixed(2))
console.log(redisStore, postgresStore, mysqlStore, sqliteStore, kafkaTransport, rabbitmqTransport, memoryTransport, testing)
