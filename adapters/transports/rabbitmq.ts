import { openConsumption, refuseUnless, systemClock, systemRandom } from '../../src/index.js'
import { openIntake } from './rabbitmq/intake.js'
import { openQueueNames } from './rabbitmq/queue-names.js'
import { rabbitmqPublisher } from './rabbitmq/publisher.js'
import type { Clock, Random, Transport } from '../../src/index.js'
import type { AmqpConnection } from './rabbitmq/client.js'
import type { RabbitmqIncoming } from './rabbitmq/deliveries.js'
import type { RabbitmqPublisher } from './rabbitmq/publisher.js'

export { rabbitmqPublisher } from './rabbitmq/publisher.js'
export type { AmqpConnection } from './rabbitmq/client.js'
export type { RabbitmqIncoming } from './rabbitmq/deliveries.js'
export type { MessageProperties } from './rabbitmq/properties.js'
export type { RabbitmqPublisher, RabbitmqPublisherOptions } from './rabbitmq/publisher.js'

/** It travels in 16 bits. */
const mostPrefetch = 65_535

export interface RabbitmqTransportOptions<Message> {
  /** What is consumed. It has to exist, and belongs to this group alone: who else is to have every message has a queue of his own. */
  readonly queue: string
  /** The message from its bytes, headers and properties. What it throws dead-letters the message. */
  readonly decode: (incoming: RabbitmqIncoming) => Message | Promise<Message>
  /** How many handlers run at once; at least 1. @default 16 */
  readonly concurrency?: number | undefined
  /** How many unsettled messages RabbitMQ hands over from the queue, and as many copies beside them; at least `concurrency`, at most 65_535. @default twice `concurrency` */
  readonly prefetch?: number | undefined
  /**
   * How many deliveries may wait aside (for their twin, or for their turn as suspects) before they keep others from being handed over; at least 0. After a
   * crash as many more are delivered again. @default 1_000
   */
  readonly maxAside?: number | undefined
  /**
   * The delays that postponed messages wait in, in milliseconds, ascending, each at least 1. There is a queue for each; a delay is waited for in that
   * of the shortest step that is long enough. Copies in queues of steps that were taken out come back as well. @default [1_000, 10_000, 60_000, 600_000]
   */
  readonly delayStepsMs?: readonly number[] | undefined
  /** The delay queues are named `<prefix>.retry.<delay in ms>`, and the one that copies come back through `<prefix>.retry`. They belong to this group alone. @default `queue` */
  readonly retryQueuePrefix?: string | undefined
  /** Where dead letters go. @default `<retryQueuePrefix>.dlq` */
  readonly deadLetterQueue?: string | undefined
  /** Create the delay queues, the retry queue and the one for dead letters where they are missing; else `consume` refuses to start without them. @default true */
  readonly createQueues?: boolean | undefined
  /**
   * What they are created as. `auto` takes quorum queues, which lose no copy between two queues, where the server has them with everything that is needed (from
   * 3.10 on), else classic ones; and those that are there already as they are. @default 'auto'
   */
  readonly queueType?: 'auto' | 'quorum' | 'classic' | undefined
  /** How long the broker may take to confirm a publish, in milliseconds; at least 100. After that it counts as unknown. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined
  /** The exchange that `publish` sends to, with destinations as routing keys. @default '' (the default exchange: destinations are names of queues) */
  readonly exchange?: string | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** Chance for the pauses between tries to connect. @default systemRandom */
  readonly random?: Random | undefined
}

/** What `rabbitmqTransport` makes: it consumes, and it can publish. */
export interface RabbitmqTransport<Message> extends Transport<Message>, RabbitmqPublisher {}

/**
 * Consumes a RabbitMQ queue, with amqplib. At least once, and in no order. Postponed messages wait in queues of the group's own and come back through one
 * that nobody else publishes to.
 *
 * `connect` is called for every connection that is needed, also when one was lost: one to consume, one to publish copies, one for `publish`. They are
 * closed by Hapax.
 *
 * Throws a `ConfigurationError` for options that cannot be; `consume` does for queues that are missing or are not as they have to be. What `connect` rejects with
 * at `consume` is thrown as it is.
 */
export function rabbitmqTransport<Message>(
  connect: () => Promise<AmqpConnection>,
  options: RabbitmqTransportOptions<Message>,
): RabbitmqTransport<Message> {
  refuseUnless.function('connect', connect, "() => amqp.connect('amqp://localhost')")
  refuseUnless.options(options, "{ queue: 'orders', decode }")
  // Before the default that is made of it.
  const { concurrency = 16 } = options
  refuseUnless.wholeNumber('concurrency', concurrency, { least: 1, most: mostPrefetch, good: 16 })
  const {
    queue,
    decode,
    prefetch = Math.min(mostPrefetch, 2 * concurrency),
    maxAside = 1_000,
    delayStepsMs = [1_000, 10_000, 60_000, 600_000],
    retryQueuePrefix,
    deadLetterQueue,
    createQueues = true,
    queueType = 'auto',
    publishTimeoutMs = 10_000,
    exchange = '',
    clock = systemClock,
    random = systemRandom,
  } = options
  refuseUnless.function('decode', decode, '(incoming) => parseOrder(incoming.json())')
  refuseUnless.wholeNumber('prefetch', prefetch, { least: concurrency, most: mostPrefetch, good: Math.min(mostPrefetch, 2 * concurrency) })
  refuseUnless.wholeNumber('maxAside', maxAside, { least: 0, most: 100_000, good: 1_000 })
  refuseUnless.boolean('createQueues', createQueues, true)
  refuseUnless.clock('clock', clock)
  refuseUnless.random('random', random)
  refuseUnless.oneOf('queueType', queueType, ['auto', 'quorum', 'classic'])
  const names = openQueueNames({ queue, delayStepsMs, retryQueuePrefix, deadLetterQueue })

  const publisher = rabbitmqPublisher(connect, { exchange, publishTimeoutMs, clock })

  return {
    capabilities: { delay: 'steps', ordered: false },
    consume: (handler, consumeOptions = {}) =>
      openConsumption(handler, consumeOptions, {
        clock,
        concurrency,
        open: (session) => {
          // Nothing would ever be handed over.
          if (consumeOptions.signal?.aborted) return Promise.resolve({ stop: () => undefined, close: () => undefined })
          return openIntake({
            connect,
            clock,
            random,
            names,
            createQueues,
            queueType,
            handler,
            concurrency,
            prefetch,
            maxAside,
            publishTimeoutMs,
            decode,
            session,
            signal: consumeOptions.signal,
          })
        },
      }),
    ...publisher,
  }
}
