import { hasCode, idHeader, refuseUnless, refuseUnsendable, systemClock } from '../../../src/index.js'
import { openProducer } from './producer.js'
import type { Clock, Outgoing, Publisher } from '../../../src/index.js'
import type { KafkaClient, KafkaPartitioner, OutgoingMessage } from './client.js'
import type { Producer } from './producer.js'

export interface KafkaPublisherOptions {
  /** How long the broker may take to confirm a publish, in milliseconds; at least 100. After that it counts as unknown. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined
  /** How messages find their partitions: the `createPartitioner` of a kafkajs producer. @default that of kafkajs */
  readonly createPartitioner?: KafkaPartitioner | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

/** Publishes to any topic. */
export interface KafkaPublisher extends Publisher, AsyncDisposable {
  /**
   * Publishes to the topics named as destinations, which have to exist; the ordering key is the message's key. Connects at first use. Messages of
   * one topic and key arrive in the order of the list. Rejects when the broker did not confirm all of them: each may have been published or not, but
   * none after one of its key that was not confirmed. Throws a `PublishRefusedError` when Kafka will never take one of them as it is.
   */
  publish(messages: readonly Outgoing[]): Promise<void>
  /** Disconnects what `publish` has connected. Consumptions are stopped by themselves. */
  close(): Promise<void>
}

/** Publishes to Kafka with a producer of its own: for the relay of an outbox, and wherever nothing is consumed. Throws a `ConfigurationError` for options that cannot be. */
export function kafkaPublisher(kafka: KafkaClient, options: KafkaPublisherOptions = {}): KafkaPublisher {
  refuseUnless.methods('kafka', kafka, ['producer'], 'new Kafka({ brokers })')
  refuseUnless.options(options, '{ publishTimeoutMs: 10_000 }')
  const { publishTimeoutMs = 10_000, createPartitioner, clock = systemClock } = options
  refuseUnless.clock('clock', clock)
  refuseUnless.wholeNumber('publishTimeoutMs', publishTimeoutMs, { least: 100, good: 10_000 })
  if (createPartitioner !== undefined) refuseUnless.function('createPartitioner', createPartitioner, 'Partitioners.LegacyPartitioner')

  let producer: Producer | undefined
  const close = async (): Promise<void> => {
    await producer?.close()
    producer = undefined
  }
  return {
    async publish(messages) {
      refuseUnsendable(messages)
      producer ??= openProducer({ kafka, clock, deadlineMs: publishTimeoutMs, createPartitioner, compresses: false })
      await publishAll(producer, messages)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** All settle before it does: what is rejected is not being sent any more. */
async function publishAll({ publish, publishInOrder }: Producer, messages: readonly Outgoing[]): Promise<void> {
  const publishing: Promise<void>[] = []
  const runs = new Map<string, { readonly topic: string; readonly messages: OutgoingMessage[] }>()
  for (const message of messages) {
    const { destination: topic, orderingKey } = message
    if (orderingKey === undefined) {
      publishing.push(publish(topic, asKafkaMessage(message)))
      continue
    }
    const name = JSON.stringify([topic, orderingKey])
    const run = runs.get(name)
    if (run) run.messages.push(asKafkaMessage(message))
    else runs.set(name, { topic, messages: [asKafkaMessage(message)] })
  }
  for (const run of runs.values()) publishing.push(publishInOrder(run.topic, run.messages))
  const failed = (await Promise.allSettled(publishing)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  )
  if (failed.length > 0) throw failed.find((error) => hasCode(error, 'publish-refused')) ?? failed[0]
}

function asKafkaMessage({ body, headers, orderingKey, id }: Outgoing): OutgoingMessage {
  return {
    key: orderingKey ?? null,
    value: typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    headers: { ...headers, ...(id !== undefined && { [idHeader]: id }) },
  }
}
