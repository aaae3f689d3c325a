import { within } from '../../../src/index.js'
import { openPublishing } from './publishing.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaClient, KafkaPartitioner, KafkaProducer } from './client.js'
import type { Publishing } from './publishing.js'

export interface ProducerParts {
  readonly kafka: KafkaClient
  readonly clock: Clock
  readonly deadlineMs: number
  readonly createPartitioner: KafkaPartitioner | undefined
  readonly onAway?: () => void
  readonly answered?: () => void
}

const closingMs = 3_000

/** Publishes with a producer of its own, which connects at the first message, or when it is asked to. */
export interface Producer {
  readonly publish: Publishing['publish']
  connect(): Promise<unknown>
  close(): Promise<void>
}

export function openProducer({ kafka, clock, deadlineMs, createPartitioner, onAway, answered }: ProducerParts): Producer {
  let connecting: Promise<KafkaProducer> | undefined
  const open = async (): Promise<KafkaProducer> => {
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 },
      ...(createPartitioner && { createPartitioner }),
    })
    if (answered) producer.on('producer.network.request', answered)
    await producer.connect()
    return producer
  }
  const connect = (): Promise<KafkaProducer> => {
    connecting ??= open().catch((error: unknown) => {
      connecting = undefined
      throw error
    })
    return connecting
  }
  const disconnect = async (): Promise<void> => {
    const disconnected = connecting?.then((producer) => producer.disconnect()).catch(() => undefined)
    connecting = undefined
    if (disconnected) await within(clock, closingMs, disconnected)
  }
  const publishing = openPublishing({ clock, connect, renew: () => void disconnect(), deadlineMs, ...(onAway && { onAway }) })
  return {
    publish: publishing.publish,
    connect,
    close() {
      publishing.close()
      return disconnect()
    },
  }
}
