import type { AmqpMessage, AmqpProperties, AmqpPublishOptions } from './client.js'

/** What AMQP carries beside headers. Of a copy, those of the first message. */
export interface MessageProperties {
  /** Where it was published to. */
  readonly exchange: string
  readonly routingKey: string
  readonly messageId: string | undefined
  readonly correlationId: string | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly type: string | undefined
  readonly appId: string | undefined
  readonly replyTo: string | undefined
  /** The user that published it, by the broker's word, where the publisher asked for that. */
  readonly userId: string | undefined
  /** In the publisher's unit, mostly seconds since 1970. */
  readonly timestamp: number | undefined
  readonly priority: number | undefined
}

const texts = ['messageId', 'correlationId', 'contentType', 'contentEncoding', 'type', 'appId', 'replyTo'] as const

/** The properties of a message that came; `first` says where a copy was published to before. */
export function readProperties({ fields, properties }: AmqpMessage, first: Partial<MessageProperties> = {}): MessageProperties {
  return {
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    messageId: text(properties.messageId),
    correlationId: text(properties.correlationId),
    contentType: text(properties.contentType),
    contentEncoding: text(properties.contentEncoding),
    type: text(properties.type),
    appId: text(properties.appId),
    replyTo: text(properties.replyTo),
    userId: text(properties.userId),
    timestamp: wholeNumber(properties.timestamp),
    priority: wholeNumber(properties.priority),
    ...first,
  }
}

/**
 * The properties of a copy. Without the user, as whom only that user may publish, and without an expiration: what has arrived must not expire
 * while it waits.
 */
export function copiedProperties(properties: AmqpProperties): Omit<AmqpPublishOptions, 'headers' | 'mandatory' | 'persistent'> {
  const copied: Omit<AmqpPublishOptions, 'headers' | 'mandatory' | 'persistent'> = {}
  for (const name of texts) {
    const value = text(properties[name])
    // What is no UTF-8 grows when amqplib reads it. The other name stands for a channel, and is refused from any other.
    if (value !== undefined && Buffer.byteLength(value) <= 255 && value !== 'amq.rabbitmq.reply-to') copied[name] = value
  }
  const timestamp = wholeNumber(properties.timestamp)
  if (timestamp !== undefined) copied.timestamp = timestamp
  const priority = wholeNumber(properties.priority)
  if (priority !== undefined) copied.priority = priority
  return copied
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
