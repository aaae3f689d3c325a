import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaPublisher, kafkaTransport } from 'hapax/transports/kafka'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'
import { rabbitmqPublisher, rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { areWholeNumbers, holdToRules, required, rules } from './rules.js'
import type { KafkaClient, KafkaPublisherOptions, KafkaTransportOptions } from 'hapax/transports/kafka'
import type { BrokerFaults, IdleOptions, MemoryBrokerOptions, MemoryTransportOptions } from 'hapax/transports/memory'
import type { RabbitmqPublisherOptions, RabbitmqTransportOptions } from 'hapax/transports/rabbitmq'
import type { Rule } from './rules.js'

/** Nothing of these connects here. */
const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING })
const toRabbitmq = () => connect('amqp://127.0.0.1:1')
const decode = (): string => 'a message'
const longestTimeoutMs = 2 ** 31 - 1

/** Names that are long may be too long for the names that are made of them. */
const topicName: Rule = {
  good: ['orders', 'a.b_c-1'],
  fits: (value) =>
    typeof value === 'string' && /^[\w.-]+$/.test(value) && value !== '.' && value !== '..' && (value.length < 100 || 'perhaps'),
}

holdToRules<KafkaTransportOptions<unknown>>({
  name: 'kafkaTransport',
  base: { groupId: 'billing', topic: 'orders', decode },
  rules: {
    groupId: topicName,
    topic: topicName,
    decode: required.function(),
    startFrom: rules.choice('earliest', 'latest'),
    concurrency: rules.wholeNumber(1),
    maxAhead: rules.wholeNumber(1),
    delayStepsMs: rules.steps(1, 999_999_999_999_999),
    retryTopicPrefix: rules.optional(topicName),
    deadLetterTopic: rules.optional({ good: ['dead'], fits: (value) => (value === 'orders' ? false : topicName.fits(value)) }),
    createTopics: rules.boolean(),
    sessionTimeoutMs: rules.wholeNumber(1_000, { most: longestTimeoutMs }),
    rebalanceTimeoutMs: rules.wholeNumber(15_000, { most: longestTimeoutMs }),
    publishTimeoutMs: rules.wholeNumber(100),
    createPartitioner: rules.function(),
    clock: rules.clock(),
  },
  take: (options) => kafkaTransport(kafka, options),
})
holdToRules<Pick<KafkaTransportOptions<unknown>, 'groupId'>>({
  name: 'a group whose topics are named otherwise',
  base: { groupId: 'billing' },
  rules: { groupId: required.text(10_000, 'any text', "'", '../..') },
  take: (options) => kafkaTransport(kafka, { topic: 'orders', retryTopicPrefix: 'billing', decode, ...options }),
  isArguments: true,
})
holdToRules<KafkaPublisherOptions>({
  name: 'kafkaPublisher',
  base: {},
  rules: { publishTimeoutMs: rules.wholeNumber(100), createPartitioner: rules.function(), clock: rules.clock() },
  take: (options) => kafkaPublisher(kafka, options),
})
holdToRules<{ kafka: KafkaClient }>({
  name: 'the client of kafkaTransport',
  isArguments: true,
  base: { kafka },
  rules: { kafka: required.methods(kafka, 'admin', 'consumer', 'producer') },
  take: (given) => kafkaTransport(given.kafka, { groupId: 'billing', topic: 'orders', decode }),
})

/** What cannot be a queue's name, and what may be too long, or RabbitMQ's own, for the names that are made of it. */
const queueName: Rule = {
  good: ['orders', ' ', "'; drop", 'a\u0000b', 'ü'],
  fits(value) {
    if (typeof value !== 'string' || value === '' || !value.isWellFormed() || Buffer.byteLength(value) > 255 || /[\r\n]/.test(value))
      return false
    return (!value.startsWith('amq.') && Buffer.byteLength(value) < 200) || 'perhaps'
  },
}
holdToRules<RabbitmqTransportOptions<unknown>>({
  name: 'rabbitmqTransport',
  base: { queue: 'the queue', decode },
  rules: {
    queue: queueName,
    decode: required.function(),
    concurrency: rules.wholeNumber(1, { most: 65_535 }),
    prefetch: rules.wholeNumber(16, { most: 65_535 }),
    maxAside: rules.wholeNumber(0, { most: 100_000 }),
    delayStepsMs: rules.steps(1, 4_294_967_295),
    retryQueuePrefix: rules.optional(queueName),
    deadLetterQueue: rules.optional(queueName),
    createQueues: rules.boolean(),
    queueType: rules.choice('auto', 'quorum', 'classic'),
    publishTimeoutMs: rules.wholeNumber(100),
    exchange: exchangeName(),
    clock: rules.clock(),
    random: rules.random(),
  },
  take: (options) => rabbitmqTransport(toRabbitmq, options),
})
holdToRules<RabbitmqPublisherOptions>({
  name: 'rabbitmqPublisher',
  base: {},
  rules: { exchange: exchangeName(), publishTimeoutMs: rules.wholeNumber(100), clock: rules.clock() },
  take: (options) => rabbitmqPublisher(toRabbitmq, options),
})
holdToRules<{ connect: typeof toRabbitmq }>({
  name: 'what connects rabbitmqTransport',
  isArguments: true,
  base: { connect: toRabbitmq },
  rules: { connect: required.function() },
  take: (given) => rabbitmqTransport(given.connect, { queue: 'orders', decode }),
})

const broker = memoryBroker()
holdToRules<MemoryTransportOptions<unknown>>({
  name: 'memoryTransport',
  base: { topic: 'orders', groupId: 'billing', decode },
  rules: {
    topic: required.text(10_000, 'orders', ' '),
    groupId: required.text(10_000, 'billing', ' '),
    decode: required.function(),
    concurrency: rules.wholeNumber(1, { most: 1_000_000_000 }),
    prefetch: rules.wholeNumber(16),
    delayStepsMs: rules.optional({ good: [[1], [10_000, 1_000]], fits: (value) => areWholeNumbers(value, 1) }),
    clock: rules.clock(),
  },
  take: (options) => memoryTransport(broker, options),
})
const noFault: BrokerFaults = {}
holdToRules<MemoryBrokerOptions>({
  name: 'memoryBroker',
  base: {},
  rules: {
    clock: rules.clock(),
    random: rules.random(),
    // Its own options are held to rules below.
    faults: rules.optional({
      good: [noFault],
      fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && 'perhaps',
    }),
  },
  take: (options) => memoryBroker(options),
})
const chance = (name: keyof BrokerFaults): Rule => ({
  good: [0, 0.5, 1, undefined],
  fits: (value) => value === undefined || (typeof value === 'number' && value >= 0 && value <= 1),
  name: `faults.${name}`,
})
holdToRules<BrokerFaults>({
  name: 'faults',
  base: {},
  rules: {
    duplicate: chance('duplicate'),
    reorder: chance('reorder'),
    loseAck: chance('loseAck'),
    publishFails: chance('publishFails'),
    publishUnknown: chance('publishUnknown'),
    copyFails: chance('copyFails'),
    copyUnknown: chance('copyUnknown'),
    deliveryDelayMs: { ...rules.wholeNumber(0), name: 'faults.deliveryDelayMs' },
  },
  take: (faults) => memoryBroker().setFaults(faults),
})
holdToRules<IdleOptions>({
  name: 'idle',
  base: {},
  rules: { passTime: rules.function() },
  take: (options) => broker.idle(options),
})

function exchangeName(): Rule {
  return rules.optional({
    good: ['', 'events', 'ü'],
    fits: (value) => typeof value === 'string' && value.isWellFormed() && Buffer.byteLength(value) <= 255,
  })
}
