// A consumer as it is deployed: Kafka and Redis, a readiness probe, and an orderly end at SIGTERM.
import { createServer } from 'node:http'
// #region consume
import { Redis } from 'ioredis'
import { Kafka } from 'kafkajs'
import { idempotent } from 'hapax'
import { redisStore } from 'hapax/stores/redis'
import { kafkaTransport } from 'hapax/transports/kafka'
import { chargeCard, parseOrder } from './billing.js'

const redis = new Redis(process.env.REDIS_URL ?? 'redis://localhost:6379')
const kafka = new Kafka({ brokers: [process.env.KAFKA_BROKER ?? 'localhost:9092'] })

const orders = kafkaTransport(kafka, {
  groupId: 'billing',
  topic: process.env.ORDERS_TOPIC ?? 'orders',
  startFrom: 'earliest',
  decode: (incoming) => parseOrder(incoming.json()),
})
const charge = idempotent(chargeCard, { store: redisStore(redis), scope: 'billing.charge', key: (order) => order.id })

const consumption = await orders.consume(charge)
process.once('SIGTERM', () => void consumption.stop())
// #endregion

// #region probe
// 503 also while the store or the broker is away: nothing is lost then, but nothing gets done either.
const probe = createServer((_request, response) => {
  response.writeHead(consumption.status === 'running' ? 200 : 503).end(`${consumption.status}\n`)
})
probe.listen(Number(process.env.PROBE_PORT ?? 8080))
// #endregion

// #region consume
await consumption.done // rejects when consuming cannot go on, which ends the process with an error
await redis.quit()
// #endregion
probe.close()
