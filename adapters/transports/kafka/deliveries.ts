import { copyHeaders, deadLetterHeaders, makeIncoming, readMarks } from '../../../src/index.js'
import { copiedHeaders, readTimestamp, textHeaders, timestampHeader } from './headers.js'
import type { BelievedMarks, Clock, Delivery, Incoming, MessageHeaders, Route } from '../../../src/index.js'
import type { Held } from './held.js'
import type { Partition } from './partition.js'
import type { Publishing } from './publishing.js'
import type { TopicNames } from './topic-names.js'

export interface DeliveryParts<Message> {
  readonly names: TopicNames
  readonly scope: string
  readonly clock: Clock
  readonly publish: Publishing['publish']
  readonly decode: (incoming: Incoming) => Message | Promise<Message>
}

const nothing = Promise.resolve()

/** What is known of a message beside itself: nothing, for a new one. */
interface Known {
  readonly redelivered: boolean | undefined
  /** Undefined where there are none, or none that are believed. */
  readonly marks: BelievedMarks | undefined
  /** Where the first delivery came from, and how a copy names it. */
  readonly origin: Incoming['origin']
  readonly position: string
  readonly timestamp: string
}

/** A delivery of the topic itself: marks in its headers are anybody's. */
export function makeDelivery<Message>(parts: DeliveryParts<Message>, held: Held, partition: Partition): Delivery<Message> {
  const { freshFrom } = partition
  const { offset, timestamp } = held.message
  const position = `${partition.number}/${offset}`
  return compose(parts, held, partition, {
    redelivered: held.again ? true : freshFrom !== undefined && held.offset >= freshFrom ? false : undefined,
    marks: undefined,
    origin: { destination: parts.names.topic, position },
    position,
    timestamp,
  })
}

/** A delivery of one of the group's retry topics. What no copy of ours can be is handled like a new message. */
export function makeCopyDelivery<Message>(parts: DeliveryParts<Message>, held: Held, partition: Partition): Delivery<Message> {
  const { topic } = parts.names
  const { offset, timestamp } = held.message
  const headers = textHeaders(held.message.headers)
  const marks = readMarks(headers, { scope: parts.scope, origin: topic })
  const place = `${partition.number}/${offset}`
  // A stranger's message is copied as one of ours, so that the marks of that copy are believed.
  const position = marks?.position ?? `${partition.topic}/${place}`
  return compose(parts, held, partition, {
    redelivered: held.again ? true : undefined,
    marks,
    origin: marks ? { destination: topic, position } : { destination: partition.topic, position: place },
    position,
    timestamp: (marks && readTimestamp(headers)) ?? timestamp,
  })
}

/** When a copy is due, on the clock's own scale: as its header says, but at most its step after it was first seen, as clocks differ. */
export function dueAt(
  held: Held,
  stepMs: number,
  { clock, names, scope }: Pick<DeliveryParts<never>, 'clock' | 'names' | 'scope'>,
): number {
  const marks: BelievedMarks | undefined = readMarks(textHeaders(held.message.headers), { scope, origin: names.topic })
  if (marks?.dueEpochMs === undefined) return held.takenAt
  return Math.min(held.takenAt + stepMs, clock.now() + marks.dueEpochMs - clock.epochMs())
}

/** Plain properties throughout: accessors would be the slowest part of a delivery to make, and there is one for each message. */
function compose<Message>(
  { names, clock, publish, decode }: DeliveryParts<Message>,
  held: Held,
  partition: Partition,
  { redelivered, marks, origin, position, timestamp }: Known,
): Delivery<Message> {
  const { message } = held
  const since = marks?.sinceEpochMs
  const incoming = makeIncoming({
    bytes: message.value ?? Buffer.alloc(0),
    headers: () => textHeaders(message.headers),
    origin,
    orderingKey: message.key?.toString(),
  })
  const route = (): Route => ({ origin: { destination: names.topic, position }, nowEpochMs: clock.epochMs(), sinceEpochMs: since })
  const publishCopy = (topic: string, copyMarks: MessageHeaders): Promise<void> =>
    publish(topic, {
      key: message.key,
      value: message.value,
      headers: copiedHeaders(message.headers, { ...copyMarks, [timestampHeader]: timestamp }),
    })
  const delivery: Delivery<Message> = {
    incoming,
    redelivered,
    attempts: marks?.attempts ?? 0,
    postponements: marks?.postponements ?? 0,
    waitedMs: since === undefined ? 0 : Math.max(0, clock.epochMs() - since),
    replay: marks?.replay ?? false,
    signal: partition.signal,
    takenAway: partition.lost,
    decode: () => decode(incoming),
    ack() {
      partition.done(held)
      return nothing
    },
    async postpone(delayMs, copyMarks) {
      if (partition.lost) return
      await publishCopy(names.retryFor(delayMs), copyHeaders(copyMarks, route(), delayMs))
      partition.done(held)
    },
    async deadLetter(reason, letterMarks) {
      if (partition.lost) return
      await publishCopy(names.deadLetter, deadLetterHeaders(letterMarks, route(), reason))
    },
  }
  held.delivery = delivery
  return delivery
}
