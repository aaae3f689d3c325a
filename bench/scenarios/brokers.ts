/** From the broker through the handler to the ack. */
import { kafkaStage } from '../stages/kafka.js'
import { postgresStage } from '../stages/postgres.js'
import { rabbitmqStage } from '../stages/rabbitmq.js'
import { redisStage } from '../stages/redis.js'
import { together } from '../stages/stage.js'
import { ours } from './common.js'
import type { Case, Measure, Scenario, Target } from '../scenario.js'

const perSecond: Measure = { name: 'perSecond', title: 'messages', unit: 'per second', better: 'more' }
const cpu: Measure = { name: 'cpuUs', title: 'processor time of the consumer for a message', unit: 'µs', better: 'less', isAside: true }

const shares: readonly Case[] = ['0', '10', '50'].map((duplicatesPercent) => ({
  name: `${duplicatesPercent} %`,
  settings: { duplicatesPercent },
  isQuick: duplicatesPercent === '10',
}))

const hapax = 'hapax'
const bare = 'bare kafkajs, 64 at a time'
const byHand = 'by hand, 64 at a time'
const naive = 'by hand, eachMessage'

function inAll(entrant: string, against: string, value: number, cases: readonly Case[] = shares): Target {
  const values = Object.fromEntries(cases.map(({ name }) => [name, value]))
  return { entrant, against, measure: perSecond.name, bound: 'at least', values }
}

const ofKafka = {
  needs: ['kafka', 'redis'],
  stage: together(kafkaStage, redisStage),
  measuring: 'stream',
  varies: 'share of duplicates',
  cases: shares,
  limitMs: 120_000,
  measures: [perSecond, cpu],
} as const

export const kafka: Scenario = {
  ...ofKafka,
  name: 'kafka',
  title: 'Kafka and Redis, a handler that does nothing',
  settings: { handlerMs: '0', concurrency: '64', messages: '100000', warmMessages: '30000' },
  quickSettings: { messages: '5000', warmMessages: '1000' },
  entrants: [
    { name: byHand, contender: 'kafka-by-hand', isBaseline: true },
    { name: naive, contender: 'kafka-naive' },
    { name: bare, contender: 'kafka-bare', settings: { dedups: 'no' } },
    { name: hapax, contender: 'kafka-hapax', ...ours },
  ],
  targets: [inAll(hapax, byHand, 1.4), inAll(hapax, naive, 6)],
  note: 'By hand there is no owner, no comparing, and a message whose key is held is skipped: its handler may yet fail. Bare kafkajs looks at no key.',
}

export const kafkaSlow: Scenario = {
  ...ofKafka,
  name: 'kafka-2ms',
  title: 'Kafka and Redis, a handler of 2 ms',
  settings: { handlerMs: '2', concurrency: '64', messages: '60000', warmMessages: '20000' },
  quickSettings: { messages: '4000', warmMessages: '1000' },
  entrants: [
    { name: bare, contender: 'kafka-bare', settings: { dedups: 'no' }, isBaseline: true },
    { name: byHand, contender: 'kafka-by-hand' },
    { name: hapax, contender: 'kafka-hapax', ...ours },
  ],
  targets: [inAll(hapax, bare, 0.95)],
}

const once: readonly Case[] = [{ name: 'all', settings: { duplicatesPercent: '0' }, isQuick: true }]

export const kafkaHeld: Scenario = {
  name: 'kafka-held',
  title: 'Kafka and Redis, a handler that does nothing: a steady load from another process, all on this machine',
  needs: ['kafka', 'redis'],
  stage: together(kafkaStage, redisStage),
  measuring: 'held',
  varies: 'messages',
  cases: once,
  // A little more than is asked for, as it is counted from the first to the last message that was settled.
  settings: { rate: '20400', forMs: '60000', concurrency: '64', filled: 'no', messages: '0' },
  quickSettings: { rate: '2000', forMs: '3000' },
  mostRounds: 3,
  limitMs: 400_000,
  entrants: [
    { name: hapax, contender: 'kafka-hapax', ...ours },
    { name: byHand, contender: 'kafka-by-hand', isBaseline: true },
  ],
  measures: [
    perSecond,
    { name: 'p50Ms', title: 'half of them took from sending to handled', unit: 'ms', better: 'less' },
    { name: 'p99Ms', title: '99 % of them took from sending to handled', unit: 'ms', better: 'less' },
    { name: 'behind', title: 'not settled when the last one was sent', unit: 'messages', better: 'less' },
    cpu,
  ],
  targets: [
    { entrant: hapax, measure: perSecond.name, bound: 'at least', values: { all: 20_000 } },
    { entrant: hapax, measure: 'p99Ms', bound: 'at most', values: { all: 250 } },
  ],
}

const oneByOne = 'by hand, one awaited send each'

export const kafkaPostponing: Scenario = {
  name: 'kafka-postponing',
  title: 'Postponed copies on Kafka: 1,000 messages at once whose keys are held by somebody else',
  needs: ['kafka'],
  stage: kafkaStage,
  measuring: 'stream',
  varies: 'messages',
  cases: once,
  settings: { handlerMs: '0', handles: 'no', concurrency: '256', messages: '1000' },
  quickSettings: {},
  limitMs: 60_000,
  entrants: [
    { name: oneByOne, contender: 'kafka-postponing-one-by-one', isBaseline: true },
    { name: hapax, contender: 'kafka-postponing', ...ours },
  ],
  measures: [{ ...perSecond, title: 'copies' }, cpu],
  targets: [inAll(hapax, oneByOne, 5, once)],
}

const relay = 'hapax, relay'
const bareProducer = 'bare sendBatch of 100'
const peer = 'pg-transactional-outbox'

export const outbox: Scenario = {
  name: 'outbox-kafka',
  title: 'The relay of an outbox, from PostgreSQL to Kafka',
  needs: ['postgres', 'kafka'],
  stage: together(postgresStage, kafkaStage),
  measuring: 'stream',
  varies: 'messages',
  cases: once,
  settings: { handlerMs: '0', handles: 'no', concurrency: '1', filled: 'no', messages: '30000', warmMessages: '10000' },
  quickSettings: { messages: '3000', warmMessages: '1000' },
  limitMs: 180_000,
  entrants: [
    { name: bareProducer, contender: 'outbox-bare', isBaseline: true },
    { name: relay, contender: 'outbox-hapax', ...ours },
    { name: peer, contender: 'transactional-relay', settings: { messages: '2000', warmMessages: '0' }, isPeer: true },
  ],
  measures: [perSecond, cpu],
  targets: [inAll(relay, peer, 5, once), inAll(relay, bareProducer, 0.6, once)],
  note: 'The bare producer reads nothing and remembers nothing.',
}

const bareAmqp = 'bare amqplib, an ack for each message'
const amqpByHand = 'by hand, the raw pair around the handler'

function rabbitmq(store: 'redis' | 'postgres', stage: Scenario['stage'], messages: string, warmMessages: string): Scenario {
  return {
    name: `rabbitmq-${store}`,
    title: `RabbitMQ and ${store === 'redis' ? 'Redis' : 'PostgreSQL'}, a handler that does nothing, prefetch 256`,
    needs: ['rabbitmq', store],
    stage: together(rabbitmqStage, stage),
    measuring: 'stream',
    varies: 'messages',
    cases: once,
    settings: { handlerMs: '0', concurrency: '256', messages, warmMessages, store },
    quickSettings: { messages: '3000', warmMessages: '1000' },
    limitMs: 90_000,
    entrants: [
      { name: bareAmqp, contender: 'rabbitmq-bare', isBaseline: true },
      { name: amqpByHand, contender: store === 'redis' ? 'rabbitmq-by-hand-redis' : 'rabbitmq-by-hand-postgres' },
      { name: hapax, contender: 'rabbitmq-hapax', ...ours },
    ],
    measures: [perSecond, cpu],
    targets: store === 'redis' ? [inAll(hapax, bareAmqp, 0.8, once)] : [],
  }
}

export const rabbitmqRedis = rabbitmq('redis', redisStage, '60000', '20000')
export const rabbitmqPostgres = rabbitmq('postgres', postgresStage, '30000', '10000')
