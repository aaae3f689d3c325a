/** The part of amqplib that this adapter needs. What `amqp.connect(url)` of amqplib resolves to fits. */
export interface AmqpConnection {
  createChannel(): Promise<AmqpChannel>
  createConfirmChannel(): Promise<AmqpConfirmChannel>
  close(): Promise<void>
  on(event: string, listener: (error: unknown) => void): unknown
}

export interface AmqpChannel {
  checkQueue(queue: string): Promise<unknown>
  assertQueue(queue: string, options: { durable: boolean; arguments: QueueArguments }): Promise<unknown>
  prefetch(count: number): Promise<unknown>
  consume(queue: string, onMessage: (message: AmqpMessage | null) => void): Promise<{ readonly consumerTag: string }>
  cancel(consumerTag: string): Promise<unknown>
  ack(message: AmqpMessage, allUpTo?: boolean): void
  nack(message: AmqpMessage, allUpTo: boolean, requeue: boolean): void
  close(): Promise<void>
  on(event: string, listener: (event: unknown) => void): unknown
}

export interface AmqpConfirmChannel extends AmqpChannel {
  publish(exchange: string, routingKey: string, content: Buffer, options: AmqpPublishOptions, confirmed: (error: unknown) => void): boolean
}

export type QueueArguments = Readonly<Record<string, string | number>>

export interface AmqpMessage {
  readonly content: Buffer
  readonly fields: {
    readonly deliveryTag: number
    readonly redelivered: boolean
    readonly exchange: string
    readonly routingKey: string
  }
  readonly properties: AmqpProperties
}

/** As the publisher wrote them. amqplib promises no types: they are looked at. */
export interface AmqpProperties {
  readonly headers?: AmqpHeaders | undefined
  readonly contentType?: unknown
  readonly contentEncoding?: unknown
  readonly priority?: unknown
  readonly correlationId?: unknown
  readonly replyTo?: unknown
  readonly messageId?: unknown
  readonly timestamp?: unknown
  readonly type?: unknown
  readonly userId?: unknown
  readonly appId?: unknown
}

/** Texts, numbers, booleans, bytes, lists, tables, `null`, and what amqplib writes as `{ '!': type, value }`. */
export type AmqpHeaders = Readonly<Record<string, unknown>>

export interface AmqpPublishOptions {
  headers: Record<string, unknown>
  mandatory: boolean
  persistent: boolean
  expiration?: string
  contentType?: string
  contentEncoding?: string
  priority?: number
  correlationId?: string
  replyTo?: string
  messageId?: string
  timestamp?: number
  type?: string
  appId?: string
}
