/** One worker process of a fault run: charges payments until it is told to stop, or worse. */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { Redis } from 'ioredis'
import { idempotent } from 'hapax'
import { redisStore } from 'hapax/stores/redis'
import { kafkaTransport } from 'hapax/transports/kafka'
import type { Line } from './ledger.js'

export interface Words {
  readonly name: string
  readonly kafka: string
  readonly redis: string
  readonly topic: string
  readonly groupId: string
  readonly ledger: string
  readonly leaseMs: number
  /** Its handler never asks its signal. */
  readonly heedless: boolean
}

interface Payment {
  readonly id: string
  readonly workMs: number
}

const words = JSON.parse(process.argv[2] ?? '{}') as Words
const write = (line: Omit<Line, 'at' | 'worker'>): void =>
  appendFileSync(words.ledger, `${JSON.stringify({ at: Date.now(), worker: words.name, ...line })}\n`)

const kafka = new Kafka({ clientId: words.name, brokers: [words.kafka], logLevel: logLevel.NOTHING })
const redis = new Redis(words.redis, { maxRetriesPerRequest: null })
redis.on('error', () => undefined)

const payments = kafkaTransport(kafka, {
  topic: words.topic,
  groupId: words.groupId,
  startFrom: 'earliest',
  sessionTimeoutMs: 6_000,
  decode: (incoming) => incoming.json() as Payment,
})
const charge = idempotent(
  async (payment: Payment, context) => {
    write({ payment: payment.id, what: 'began' })
    await sleep(payment.workMs)
    if (!words.heedless) context.signal.throwIfAborted()
    write({ payment: payment.id, what: 'charged' })
  },
  {
    store: redisStore(redis, { prefix: `${words.topic}:` }),
    scope: 'faults.charge',
    key: (payment) => payment.id,
    leaseMs: words.leaseMs,
    onOutcome: ({ key = '', status, ...rest }) => {
      write({ payment: key, what: 'settled', outcome: status })
      if (status === 'dead-lettered') process.stderr.write(`${words.name} ${key} ${JSON.stringify(rest)}\n`)
    },
    onTrouble: ({ kind, message }) => process.stderr.write(`  ${words.name}: ${kind}: ${message}\n`),
  },
)

const consumption = await payments.consume(charge)
process.once('SIGTERM', () => void consumption.stop())
process.send?.('ready')
await consumption.done
await redis.quit()
process.disconnect?.()
