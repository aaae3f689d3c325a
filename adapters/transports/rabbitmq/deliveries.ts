import { copyHeaders, deadLetterHeaders, makeIncoming, readMarks } from '../../../src/index.js'
import {
  copiedHeaders,
  exchangeHeader,
  orderingKeyHeader,
  readName,
  routingKeyHeader,
  textHeaders,
  userHeader,
  withoutDeaths,
} from './headers.js'
import { copiedProperties, readProperties } from './properties.js'
import type { BelievedMarks, Clock, Delivery, Incoming, MessageHeaders, Route } from '../../../src/index.js'
import type { AmqpMessage } from './client.js'
import type { MessageProperties } from './properties.js'
import type { Publishing } from './publishing.js'
import type { QueueNames } from './queue-names.js'

/** A message as it came from RabbitMQ. */
export interface RabbitmqIncoming extends Incoming {
  readonly properties: MessageProperties
}

export interface DeliveryParts<Message> {
  readonly names: QueueNames
  readonly scope: string
  readonly clock: Clock
  readonly publish: Publishing['publish']
  readonly decode: (incoming: RabbitmqIncoming) => Message | Promise<Message>
}

/** A message in hand, on the channel that it came by. */
export interface Held {
  readonly message: AmqpMessage
  /** Aborts when the channel is lost or intake stops. */
  readonly signal: AbortSignal
  /** What it was handed over as, to be told when the channel is lost. */
  delivery: { takenAway: boolean } | undefined
  /** Acks on that channel; once, and nothing after it was lost. */
  ack(): void
}

interface Known {
  readonly redelivered: boolean | undefined
  readonly marks: BelievedMarks | undefined
  readonly origin: Incoming['origin']
  readonly headers: () => MessageHeaders
  readonly properties: () => MessageProperties
}

const nothing = Promise.resolve()

/** A delivery of the queue itself: marks in its headers are anybody's. */
export function makeDelivery<Message>(parts: DeliveryParts<Message>, held: Held): Delivery<Message> {
  const { message } = held
  return compose(parts, held, {
    redelivered: message.fields.redelivered,
    marks: undefined,
    origin: { destination: parts.names.queue, position: positionOf(message) },
    headers: () => textHeaders(message.properties.headers),
    properties: () => readProperties(message),
  })
}

/** A delivery of the group's own retry queue. What no copy of ours can be is handled like a new message. */
export function makeCopyDelivery<Message>(parts: DeliveryParts<Message>, held: Held): Delivery<Message> {
  const { queue, retry } = parts.names
  const { message } = held
  const headers = textHeaders(message.properties.headers)
  const marks = readMarks(headers, { scope: parts.scope, origin: queue })
  return compose(parts, held, {
    redelivered: message.fields.redelivered ? true : undefined,
    marks,
    origin:
      marks?.position === undefined
        ? { destination: retry, position: positionOf(message) }
        : { destination: queue, position: marks.position },
    headers: () => withoutDeaths(headers),
    properties: () =>
      readProperties(message, {
        ...(marks && {
          exchange: readName(headers, exchangeHeader) ?? message.fields.exchange,
          routingKey: readName(headers, routingKeyHeader) ?? message.fields.routingKey,
          userId: readName(headers, userHeader),
        }),
      }),
  })
}

/** Plain properties throughout: accessors would be the slowest part of a delivery to make, and there is one for each message. */
function compose<Message>(
  { names, clock, publish, decode }: DeliveryParts<Message>,
  held: Held,
  { redelivered, marks, origin, headers, properties }: Known,
): Delivery<Message> {
  const { content, properties: raw } = held.message
  const since = marks?.sinceEpochMs
  const key = raw.headers?.[orderingKeyHeader]
  const orderingKey = typeof key === 'string' ? key : undefined
  const known = properties()
  const incoming: RabbitmqIncoming = { ...makeIncoming({ bytes: content, headers, origin, orderingKey }), properties: known }
  const route = (): Route => ({
    origin: { destination: names.queue, position: origin.position },
    nowEpochMs: clock.epochMs(),
    sinceEpochMs: since,
  })
  const send = (queue: string, marked: MessageHeaders, expiration?: string): Promise<void> => {
    const { exchange, routingKey, userId } = known
    return publish({
      exchange: '',
      routingKey: queue,
      content,
      options: {
        ...copiedProperties(raw),
        ...(expiration !== undefined && { expiration }),
        headers: copiedHeaders(raw.headers, {
          ...marked,
          [exchangeHeader]: exchange,
          [routingKeyHeader]: routingKey,
          ...(userId !== undefined && { [userHeader]: userId }),
        }),
      },
    })
  }
  const delivery: Delivery<Message> & { takenAway: boolean } = {
    incoming,
    redelivered,
    attempts: marks?.attempts ?? 0,
    postponements: marks?.postponements ?? 0,
    waitedMs: since === undefined ? 0 : Math.max(0, clock.epochMs() - since),
    replay: marks?.replay ?? false,
    signal: held.signal,
    takenAway: false,
    decode: () => decode(incoming),
    ack() {
      held.ack()
      return nothing
    },
    async postpone(delayMs, marked) {
      if (delivery.takenAway) return
      const { queue, stepMs } = names.delayFor(delayMs)
      // It leaves when it is at the head of its queue and its time is over: mostly after its own delay, after the step at the latest.
      await send(queue, copyHeaders(marked, route(), delayMs), String(Math.min(stepMs, Math.ceil(delayMs))))
      held.ack()
    },
    async deadLetter(reason, marked) {
      if (delivery.takenAway) return
      await send(names.deadLetter, deadLetterHeaders(marked, route(), reason))
    },
  }
  held.delivery = delivery
  return delivery
}

/** For people: where it was published to, and its id, or its number on the channel. In printable ASCII, as it goes through headers as it is. */
function positionOf({ fields, properties }: AmqpMessage): string {
  const id = typeof properties.messageId === 'string' && properties.messageId !== '' ? properties.messageId : fields.deliveryTag
  const place = fields.exchange === '' ? fields.routingKey : `${fields.exchange}/${fields.routingKey}`
  return `${place}#${id}`.replace(/[^\x21-\x24\x26-\x7e]/gu, '_')
}
