import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { Kafka, logLevel } from 'kafkajs'
import { createPool } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { kafkaBrokers, mysqlUrl } from '../services/places.js'
import { runExample } from './child.js'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Child } from './child.js'

const name = `hapax_test_${randomUUID().slice(0, 8)}`
const patiently = { timeout: 40_000, interval: 50 }

const kafka = new Kafka({ brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING })
const admin = kafka.admin()
const producer = kafka.producer()
const server = createPool(mysqlUrl)
const databaseUrl = Object.assign(new URL(mysqlUrl), { pathname: name }).href
const database = createPool(databaseUrl)
let child: Child | undefined

/** The coupon service. It gives a coupon each time it is asked for one: to what comes twice it gives two. */
const coupons: { readonly orderId: string; readonly key: unknown }[] = []
const refused = new Map<string, number>()
const giveCoupon = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { orderId } = (await json(request)) as { readonly orderId: string }
  const left = refused.get(orderId) ?? 0
  refused.set(orderId, left - 1)
  if (left <= 0) coupons.push({ orderId, key: request.headers['idempotency-key'] })
  response.writeHead(left <= 0 ? 200 : 503).end()
}
const service = createServer((request, response) => void giveCoupon(request, response))

beforeAll(async () => {
  service.listen(0, '127.0.0.1')
  await Promise.all([once(service, 'listening'), admin.connect(), producer.connect(), server.query(`create database ${name}`)])
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 2 }], waitForLeaders: true })
  // Without a primary key, in which points that are booked twice would be seen twice.
  await database.query('create table points (order_id varchar(64), points int)')
})
afterEach(() => child?.signal('SIGKILL'))
afterAll(async () => {
  await child?.ended
  service.closeAllConnections()
  service.close()
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(name))
  await admin.deleteTopics({ topics })
  await Promise.all([admin.disconnect(), producer.disconnect(), database.end()])
  await server.query(`drop database ${name}`)
  await server.end()
})

/** Without a message key: what is the same comes side by side, as after a producer's retry. */
async function publish(...orders: readonly { readonly id: string }[]): Promise<void> {
  await producer.send({ topic: name, messages: orders.map((order) => ({ value: JSON.stringify(order) })) })
}

test('each order gets its points once and its coupon once, also where the coupon service fails at first', { timeout: 90_000 }, async () => {
  const orders = Array.from({ length: 10 }, (_, index) => ({ id: `order-${index}`, cents: 100 * (index + 1) }))
  const last = { id: 'order-last', cents: 100 }
  refused.set('order-3', 1)
  refused.set('order-4', 1)
  await publish(...orders, ...orders)
  const running = (child = runExample('points-and-coupons.ts', {
    DATABASE_URL: databaseUrl,
    KAFKA_BROKER: kafkaBrokers[0] ?? '',
    PAID_TOPIC: name,
    COUPONS_URL: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
  }))
  const booked = async (): Promise<unknown> => (await database.query('select order_id as id, points from points order by order_id'))[0]
  const given = (): unknown => coupons.toSorted((one, other) => one.orderId.localeCompare(other.orderId))
  await expect.poll(() => coupons.length, patiently).toBe(10)
  await publish(...orders, last)

  const all = [...orders, last]
  await expect.poll(given, patiently).toEqual(all.map(({ id }) => ({ orderId: id, key: id })))
  await expect.poll(booked, patiently).toEqual(all.map(({ id, cents }) => ({ id, points: cents / 100 })))
  running.signal('SIGTERM')
  expect(await running.ended, running.output()).toBe(0)
  expect(given()).toEqual(all.map(({ id }) => ({ orderId: id, key: id })))
  expect(await booked()).toEqual(all.map(({ id, cents }) => ({ id, points: cents / 100 })))
})
