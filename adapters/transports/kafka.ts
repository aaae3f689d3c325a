import { openConsumption, refuseUnless, systemClock } from '../../src/index.js'
import { openIntake } from './kafka/intake.js'
import { kafkaPublisher } from './kafka/publisher.js'
import { openTopicNames } from './kafka/topic-names.js'
import type { Clock, Incoming, Transport } from '../../src/index.js'
import type { KafkaClient, KafkaPartitioner } from './kafka/client.js'
import type { KafkaPublisher } from './kafka/publisher.js'

export { kafkaPublisher } from './kafka/publisher.js'
export type { KafkaClient, KafkaPartitioner } from './kafka/client.js'
export type { KafkaPublisher, KafkaPublisherOptions } from './kafka/publisher.js'

export interface KafkaTransportOptions<Message> {
  /** The consumer group. The consumer of the retry topics is in the group `<groupId>.retry`. */
  readonly groupId: string
  /** What is consumed. It has to exist. */
  readonly topic: string
  /** The message from its bytes and headers; a tombstone has no bytes. What it throws dead-letters the message. */
  readonly decode: (incoming: Incoming) => Message | Promise<Message>
  /**
   * Where to begin in partitions in which the group has no offset: `earliest` handles all messages that are there, `latest` leaves them out. Neither
   * is a default: `consume` refuses partitions that have messages and no offset until it is said.
   */
  readonly startFrom?: 'earliest' | 'latest' | undefined
  /** How many handlers run at once; at least 1. @default 16 */
  readonly concurrency?: number | undefined
  /**
   * How many messages of a partition may be started past its oldest unfinished one, and how many copies of a retry topic's partition wait side by
   * side; at least 1. After a crash as many are delivered again. @default 1_000
   */
  readonly maxAhead?: number | undefined
  /**
   * The delays that postponed messages wait in, in milliseconds, ascending, each at least 1: a delay is waited for in the retry topic of the shortest
   * step that is long enough. Retry topics of steps that were taken out are read on. @default [1_000, 10_000, 60_000, 600_000]
   */
  readonly delayStepsMs?: readonly number[] | undefined
  /** The retry topics are named `<prefix>.retry.<delay in ms>`. They belong to this group alone. @default `<topic>.<groupId>` */
  readonly retryTopicPrefix?: string | undefined
  /** Where dead letters go. @default `<retryTopicPrefix>.dlt` */
  readonly deadLetterTopic?: string | undefined
  /** Create missing retry topics and the one for dead letters, with the partitions and replicas of the topic; else `consume` refuses to start without them. @default true */
  readonly createTopics?: boolean | undefined
  /** How long the broker waits for a heartbeat before it gives a consumer's partitions to others, in milliseconds; at least what the broker allows, mostly 6_000. @default 15_000 */
  readonly sessionTimeoutMs?: number | undefined
  /** How long members may take to join again when the group changes, in milliseconds; at least `sessionTimeoutMs`. @default 60_000 */
  readonly rebalanceTimeoutMs?: number | undefined
  /** How long the broker may take to confirm a publish, in milliseconds; at least 100. After that it counts as unknown. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined
  /** How messages find their partitions, for copies and for `publish`: the `createPartitioner` of a kafkajs producer. @default that of kafkajs */
  readonly createPartitioner?: KafkaPartitioner | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

/** It travels in 32 bits. */
const longestTimeoutMs = 2 ** 31 - 1

/** What `kafkaTransport` makes: it consumes, and it can publish to any topic. */
export interface KafkaTransport<Message> extends Transport<Message>, KafkaPublisher {}

/**
 * Consumes a Kafka topic as a member of a group, with kafkajs. At least once. Messages of one key are handled one after the other, others side
 * by side; committed is only what lies before the oldest unfinished one. Postponed messages go through retry topics of the group's own and leave
 * that order.
 *
 * Throws a `ConfigurationError` for options that cannot be; `consume` does for topics that are missing or would lose messages.
 */
export function kafkaTransport<Message>(kafka: KafkaClient, options: KafkaTransportOptions<Message>): KafkaTransport<Message> {
  refuseUnless.options(options, "{ groupId: 'billing', topic: 'orders', decode }")
  // Before the default that is made of it.
  const { sessionTimeoutMs = 15_000 } = options
  refuseUnless.wholeNumber('sessionTimeoutMs', sessionTimeoutMs, { least: 1_000, most: longestTimeoutMs, good: 15_000 })
  const {
    groupId,
    topic,
    decode,
    startFrom,
    concurrency = 16,
    maxAhead = 1_000,
    delayStepsMs = [1_000, 10_000, 60_000, 600_000],
    retryTopicPrefix,
    deadLetterTopic,
    createTopics = true,
    rebalanceTimeoutMs = Math.max(60_000, sessionTimeoutMs),
    publishTimeoutMs = 10_000,
    createPartitioner,
    clock = systemClock,
  } = options
  refuseUnless.methods('kafka', kafka, ['admin', 'consumer', 'producer'], 'new Kafka({ brokers })')
  refuseUnless.function('decode', decode, '(incoming) => parseOrder(incoming.json())')
  if (startFrom !== undefined) refuseUnless.oneOf('startFrom', startFrom, ['earliest', 'latest'])
  refuseUnless.wholeNumber('concurrency', concurrency, { least: 1, good: 16 })
  refuseUnless.wholeNumber('maxAhead', maxAhead, { least: 1, good: 1_000 })
  refuseUnless.wholeNumber('rebalanceTimeoutMs', rebalanceTimeoutMs, {
    least: sessionTimeoutMs,
    most: longestTimeoutMs,
    good: Math.max(60_000, sessionTimeoutMs),
  })
  refuseUnless.boolean('createTopics', createTopics, true)
  refuseUnless.clock('clock', clock)
  const names = openTopicNames({ topic, groupId, delayStepsMs, retryTopicPrefix, deadLetterTopic })

  const publisher = kafkaPublisher(kafka, { publishTimeoutMs, createPartitioner, clock })

  return {
    capabilities: { delay: 'steps', ordered: true },
    consume: (handler, consumeOptions = {}) =>
      openConsumption(handler, consumeOptions, {
        clock,
        concurrency,
        open: (session) => {
          // Nothing would ever be handed over.
          if (consumeOptions.signal?.aborted) return Promise.resolve({ stop: () => undefined, close: () => undefined })
          return openIntake({
            kafka,
            clock,
            names,
            handler,
            startFrom,
            maxAhead,
            createTopics,
            sessionTimeoutMs,
            rebalanceTimeoutMs,
            publishTimeoutMs,
            createPartitioner,
            decode,
            settle: session.settle,
            hasRoom: (wake) => session.hasRoom(wake),
            hold: () => session.hold(),
            fail: (error) => session.fail(error),
            signal: consumeOptions.signal,
          })
        },
      }),
    ...publisher,
  }
}
