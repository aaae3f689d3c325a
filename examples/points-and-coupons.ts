// What follows from a payment: points on the customer's account, and a coupon from an outside service. Two handlers of the same messages, each with a
// group of its own, so that Kafka hands it every message, and a scope of its own, so that one being done says nothing of the other.
import { Kafka } from 'kafkajs'
import { createPool } from 'mysql2/promise'
import { idempotent, inbox } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import { kafkaTransport } from 'hapax/transports/kafka'
import { parseOrder } from './billing.js'
import type { KafkaTransport } from 'hapax/transports/kafka'
import type { Order } from './billing.js'

// A connection for each of the 16 handlers that book at once, and some for the claims.
const pool = createPool({ uri: process.env.DATABASE_URL ?? 'mysql://localhost/loyalty', connectionLimit: 24 })
const kafka = new Kafka({ brokers: [process.env.KAFKA_BROKER ?? 'localhost:9092'] })
const paid = (groupId: string): KafkaTransport<Order> =>
  kafkaTransport(kafka, {
    groupId,
    topic: process.env.PAID_TOPIC ?? 'order.paid',
    startFrom: 'earliest',
    decode: (incoming) => parseOrder(incoming.json()),
  })
const store = mysqlStore(pool)
await store.applySchema()
// Binary: to most collations order `a` and order `A` are the same.
await pool.query('create table if not exists points (order_id varbinary(64) primary key, points int not null)')

// The effect is a row beside the record, so an inbox: both commit together, and points are booked once, whatever dies when.
const bookPoints = inbox(
  async (order: Order, { tx }) => {
    await tx.query('insert into points values (?, ?)', [order.id, Math.floor(order.cents / 100)])
  },
  { store, scope: 'loyalty.book-points', key: (order) => order.id },
)

// The effect is at somebody else's, where no transaction of ours reaches, so a lease: others wait while it is asked for. What remains open is the moment
// between the answer and its record: a process that dies there, or stalls beyond its lease, has the coupon asked for again, which only the service can
// tell, by the key.
const issueCoupon = idempotent(
  async (order: Order, { key, signal }) => {
    const answer = await fetch(`${process.env.COUPONS_URL ?? 'http://localhost:8081'}/coupons`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ orderId: order.id }),
      signal,
    })
    if (!answer.ok) throw new Error(`The coupon service answered ${answer.status}`)
    return answer.text()
  },
  { store, scope: 'loyalty.issue-coupon', key: (order) => order.id },
)

const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
const { signal } = stopping
const consumptions = await Promise.all([
  paid('loyalty.points').consume(bookPoints, { signal }),
  paid('loyalty.coupons').consume(issueCoupon, { signal }),
])
await Promise.all(consumptions.map(({ done }) => done)) // rejects when consuming cannot go on, which ends the process with an error
await pool.end()
