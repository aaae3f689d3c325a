import { tooLate, within } from '../../../src/index.js'
import { faultOf } from './faults.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaProducer, OutgoingMessage, TopicMessages } from './client.js'

/** Publishes with one producer. What is asked for at the same time travels together, as kafkajs sends each call as a request of its own. */
export interface Publishing {
  /** Resolves once the broker has confirmed it. Rejects when that is unknown, after a few times `deadlineMs` at most. */
  readonly publish: (topic: string, message: OutgoingMessage) => Promise<void>
  /** Rejects what has not been sent yet. */
  close(): void
}

export interface PublishingParts {
  readonly clock: Clock
  /** The producer, connected; asked for whenever something is to be sent. */
  readonly connect: () => Promise<KafkaProducer>
  /** Says that the producer may be spoilt: kafkajs asks about every topic that it ever published to, and fails while one of them is gone. */
  readonly renew: () => void
  /** How long the broker may take to confirm, in milliseconds. */
  readonly deadlineMs: number
  /** Told when nothing came back, or the connection failed. */
  readonly onAway?: () => void
}

interface Asked {
  readonly topic: string
  readonly message: OutgoingMessage
  readonly at: number
  readonly size: number
  resolve(): void
  reject(error: unknown): void
}

const mostMessages = 500
/** Brokers judge a batch by its size, 1 MiB by default. */
const mostBytes = 500_000
const mostInFlight = 2

export function openPublishing({ clock, connect, renew, deadlineMs, onAway }: PublishingParts): Publishing {
  let asked: Asked[] = []
  let inFlight = 0
  let scheduled = false
  let closed = false

  const rejectAll = (batch: readonly Asked[], error: unknown): void => {
    for (const each of batch) each.reject(error)
  }

  const takeBatch = (): Asked[] => {
    let bytes = 0
    let count = 0
    for (const { size } of asked) {
      if (count >= mostMessages || (count > 0 && bytes + size > mostBytes)) break
      bytes += size
      count += 1
    }
    return asked.splice(0, count)
  }

  const send = async (batch: readonly Asked[], renewed = false): Promise<void> => {
    try {
      const sending = connect().then((ready) => ready.sendBatch({ acks: -1, topicMessages: byTopic(batch) }))
      const sent = await within(clock, deadlineMs, sending)
      if (sent !== tooLate) {
        for (const each of batch) each.resolve()
        return
      }
      sending.catch(() => undefined)
      onAway?.()
      rejectAll(batch, new Error(`The broker did not confirm within ${deadlineMs} ms: the messages may have been published or not`))
    } catch (error) {
      const fault = faultOf(error)
      if (fault === 'topic' && !renewed) {
        renew()
        return send(batch, true)
      }
      if (fault === 'connection') onAway?.()
      // One message that the broker refuses must not fail those that happened to travel with it.
      const parts = split(batch, fault)
      if (parts.length === 0) rejectAll(batch, error)
      for (const part of parts) await send(part, renewed)
    }
  }

  const pump = (): void => {
    scheduled = false
    const now = clock.now()
    if (asked[0] && now - asked[0].at > deadlineMs) {
      rejectAll(
        asked.filter(({ at }) => now - at > deadlineMs),
        new Error(`Not published within ${deadlineMs} ms, as those before it took too long`),
      )
      asked = asked.filter(({ at }) => now - at <= deadlineMs)
    }
    while (inFlight < mostInFlight && asked.length > 0) {
      inFlight += 1
      void send(takeBatch()).finally(() => {
        inFlight -= 1
        pump()
      })
    }
  }

  return {
    publish: (topic, message) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error('The transport is closed: nothing is published any more'))
        asked.push({ topic, message, at: clock.now(), size: sizeOf(message), resolve, reject })
        if (scheduled || inFlight >= mostInFlight) return
        scheduled = true
        queueMicrotask(pump)
      }),
    close() {
      closed = true
      rejectAll(asked.splice(0), new Error('The transport is closed: nothing is published any more'))
    },
  }
}

function byTopic(batch: readonly Asked[]): TopicMessages[] {
  const topics = new Map<string, OutgoingMessage[]>()
  for (const { topic, message } of batch) {
    const messages = topics.get(topic)
    if (messages) messages.push(message)
    else topics.set(topic, [message])
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }))
}

/** Smaller batches that may get through where this one did not; none where that is not to be expected. */
function split(batch: readonly Asked[], fault: ReturnType<typeof faultOf>): Asked[][] {
  if (fault === 'connection' || batch.length < 2) return []
  const topics = new Set(batch.map(({ topic }) => topic))
  if (topics.size > 1) return [...topics].map((topic) => batch.filter((each) => each.topic === topic))
  const half = Math.ceil(batch.length / 2)
  return fault === 'message' ? [batch.slice(0, half), batch.slice(half)] : []
}

function sizeOf({ key, value, headers }: OutgoingMessage): number {
  let size = 100 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) {
    for (const each of Array.isArray(header) ? header : [header]) size += name.length + (each?.length ?? 0) + 10
  }
  return size
}
