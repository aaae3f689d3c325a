// An order service: it learns from RabbitMQ that an order was paid for, keeps that in PostgreSQL, and tells others on Kafka. The order, the record that
// its message was handled, and the message that follows from it commit together, or none of them does.
import { connect } from 'amqplib'
import { Kafka } from 'kafkajs'
import { Pool } from 'pg'
import { inbox } from 'hapax'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { kafkaPublisher } from 'hapax/transports/kafka'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { parseOrder } from './billing.js'
import type { Trouble } from 'hapax'
import type { Order } from './billing.js'

// A connection for each of the 16 handlers that run at once, and some for the claims and the relay.
const pool = new Pool({ connectionString: process.env.DATABASE_URL ?? 'postgres://localhost/orders', max: 24 })
// One that is cut while it idles would otherwise end the process.
pool.on('error', (error) => console.error(error.message))
const kafka = new Kafka({ brokers: [process.env.KAFKA_BROKER ?? 'localhost:9092'] })
const payments = rabbitmqTransport(() => connect(process.env.RABBITMQ_URL ?? 'amqp://localhost'), {
  queue: process.env.PAYMENTS_QUEUE ?? 'payments',
  decode: (incoming) => parseOrder(incoming.json()),
})
const paidTopic = process.env.PAID_TOPIC ?? 'order.paid'
// How long what a killed process had in hand waits for another one.
const leaseMs = Number(process.env.LEASE_MS ?? 30_000)
const onTrouble = ({ message }: Trouble): void => console.error(message)
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())

// #region handler
const store = postgresStore(pool)
const outbox = postgresOutbox(pool)
await store.applySchema()
await outbox.applySchema()
// #endregion
await pool.query('create table if not exists orders (id text primary key, cents integer not null)')

// #region handler
const markPaid = inbox(
  async (order: Order, { tx }) => {
    await tx.query('insert into orders values ($1, $2)', [order.id, order.cents])
    await outbox.send(tx, { destination: paidTopic, orderingKey: order.id, id: `${order.id}:paid`, body: JSON.stringify(order) })
  },
  { store, scope: 'orders.mark-paid', key: (order) => order.id, leaseMs, onTrouble },
)
// #endregion

// #region relay
const publisher = kafkaPublisher(kafka)
const relay = await outbox.relay(publisher, { leaseMs, onTrouble })
// #endregion

// The grace time and the 10 s that the relay may take are together less than the 30 s after which Kubernetes kills.
const consumption = await payments.consume(markPaid, { signal: stopping.signal, graceMs: 10_000 })
await consumption.done // rejects when consuming cannot go on, which ends the process with an error
// What is still in the outbox then is published by the next process that relays.
await relay.stop()
await publisher.close()
await pool.end()
