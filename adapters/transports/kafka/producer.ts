import { within } from '../../../src/index.js'
import { mostBytes, sizeOf } from './batches.js'
import { openPublishing } from './publishing.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaClient, KafkaPartitioner } from './client.js'
import type { Line, Publishing } from './publishing.js'

export interface ProducerParts {
  readonly kafka: KafkaClient
  readonly clock: Clock
  readonly deadlineMs: number
  readonly createPartitioner: KafkaPartitioner | undefined
  /** Whether large messages are compressed. What came compressed may be larger than the broker takes as it is. */
  readonly compresses: boolean
  readonly onAway?: () => void
  readonly answered?: () => void
}

const closingMs = 3_000
/** kafkajs's number for what every client can read. */
const gzip = 1

/** Publishes with a producer of its own, which connects at the first message, or when it is asked to. */
export interface Producer extends Pick<Publishing, 'publish' | 'publishInOrder'> {
  connect(): Promise<unknown>
  close(): Promise<void>
}

export function openProducer(parts: ProducerParts): Producer {
  const { clock, deadlineMs, onAway } = parts
  let connecting: Promise<ClosableLine> | undefined
  let connected: Line | undefined
  let closed = false
  const connect = (): Promise<ClosableLine> => {
    // What is still being tried at a close must not open a connection that nobody closes.
    if (closed) return Promise.reject(new Error('The transport is closed: nothing is published any more'))
    if (connecting) return connecting
    const opening = openLine(parts)
    connecting = opening
    opening.then(
      (line) => {
        if (connecting === opening) connected = line
      },
      () => {
        if (connecting === opening) connecting = undefined
      },
    )
    return opening
  }
  const disconnect = async (): Promise<void> => {
    const disconnected = connecting?.then((line) => line.close()).catch(() => undefined)
    connecting = undefined
    connected = undefined
    if (disconnected) await within(clock, 2 * closingMs, disconnected)
  }
  const renew = (spoilt: Line): void => {
    // Of two requests that failed on one line, the second must not take away what the first has opened since.
    if (spoilt === connected) void disconnect()
  }
  const publishing = openPublishing({ clock, connect, renew, deadlineMs, ...(onAway && { onAway }) })
  return {
    publish: publishing.publish,
    publishInOrder: publishing.publishInOrder,
    connect,
    close() {
      closed = true
      publishing.close()
      return disconnect()
    },
  }
}

interface ClosableLine extends Line {
  close(): Promise<void>
}

async function openLine({ kafka, clock, createPartitioner, compresses, answered }: ProducerParts): Promise<ClosableLine> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    // kafkajs sends again only to brokers that have not answered: what has gone over to one that has, by a new leader or by another turn of the
    // partitioner, can be left out, and said to be confirmed. So each request is one try, and `publishing` tries again.
    retry: { retries: 0 },
    ...(createPartitioner && { createPartitioner }),
  })
  if (answered) producer.on('producer.network.request', answered)
  await producer.connect()
  const pending = new Set<Promise<unknown>>()
  const disconnect = (): Promise<unknown> => within(clock, closingMs, producer.disconnect()).catch(() => undefined)
  return {
    async send(topicMessages) {
      const large = compresses && topicMessages.some(({ messages }) => messages.some((message) => sizeOf(message) > mostBytes))
      const sending = producer.sendBatch({ acks: -1, topicMessages, ...(large && { compression: gzip }) })
      pending.add(sending)
      try {
        await sending
      } finally {
        pending.delete(sending)
      }
    },
    async close() {
      await within(clock, closingMs, Promise.allSettled(pending))
      await disconnect()
      // kafkajs connects again for a request that was cut off.
      if (pending.size > 0) void Promise.allSettled(pending).then(disconnect)
    },
  }
}
