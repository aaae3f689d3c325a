import { randomUUID } from 'node:crypto'
import { connect as amqpConnect } from 'amqplib'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { rabbitmqUrl } from '../../services/places.js'
import type { Channel, ChannelModel, GetMessage, Options } from 'amqplib'
import type { ConsumeOptions, Consumption, Delivery, Idempotent, Incoming, Marks, Outcome, Outgoing, Session, Trouble } from 'hapax'
import type { RabbitmqTransport, RabbitmqTransportOptions } from 'hapax/transports/rabbitmq'

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits for a condition, never for time alone. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`)
    await sleep(10)
  }
}

export interface Seen {
  readonly text: string
  readonly incoming: Incoming
  readonly delivery: Delivery<string>
  readonly at: number
}

export const marksOf = (delivery: Delivery<string>, more: Partial<Marks> = {}): Marks => ({
  scope: 'test.scope',
  key: 'some key',
  attempts: delivery.attempts,
  postponements: delivery.postponements,
  replay: false,
  ...more,
})

export interface LabHandler extends Idempotent<string, unknown> {
  readonly troubles: readonly Trouble[]
  readonly seen: readonly Seen[]
  readonly texts: readonly string[]
  kinds(): readonly string[]
}

/** A handler that settles as the test says, after taking a place, as the core does. */
export function makeHandler(run: (seen: Seen, session: Session) => Promise<void> | void = ({ delivery }) => delivery.ack()): LabHandler {
  const scope = 'test.scope'
  const troubles: Trouble[] = []
  const all: Seen[] = []
  const told = { scope, key: undefined, attempts: 0, postponements: 0, tookMs: 0 }
  return {
    troubles,
    seen: all,
    get texts() {
      return all.map(({ text }) => text)
    },
    kinds: () => troubles.map(({ kind }) => kind),
    scope,
    settings: { windowMs: 86_400_000, leaseMs: 30_000, maxRunMs: 900_000, retryDelaysMs: [1_000] },
    once: () => Promise.reject(new Error('not used')),
    check: () => Promise.resolve(),
    report: (trouble) => void troubles.push(trouble),
    async settle(delivery, session): Promise<Outcome> {
      if (!session) throw new Error('a transport hands over a session')
      const text = await delivery.decode()
      const leave = await session.places.take(delivery.signal)
      if (!leave) return { ...told, status: 'unsettled' }
      try {
        const seen = { text, incoming: delivery.incoming, delivery, at: Date.now() }
        all.push(seen)
        await run(seen, session)
        return { ...told, status: 'handled' }
      } finally {
        leave()
      }
    },
  }
}

export interface LabTransportOptions extends Partial<RabbitmqTransportOptions<string>> {
  readonly connect?: () => Promise<ChannelModel>
}

export interface StoredMessage {
  readonly bytes: Buffer
  readonly headers: Record<string, unknown>
  readonly message: GetMessage
}

export interface Lab {
  readonly url: string
  /** Every message that is published to it comes to all queues of the lab. */
  readonly exchange: string
  readonly queue: string
  connect(): Promise<ChannelModel>
  /** A step on a channel of its own. */
  on<Value>(step: (channel: Channel) => Promise<Value>): Promise<Value>
  /** A queue that is bound to the exchange. */
  bind(queue: string, options?: Options.AssertQueue): Promise<void>
  transport(options?: LabTransportOptions): RabbitmqTransport<string>
  consume(handler: Idempotent<string, unknown>, options?: LabTransportOptions & ConsumeOptions): Promise<Consumption>
  /** Publishes texts straight to the queue, by amqplib. */
  send(texts: readonly string[], options?: Options.Publish & { readonly to?: string }): Promise<void>
  /** Through a transport, to the exchange. */
  publish(messages: readonly Omit<Outgoing, 'destination'>[]): Promise<void>
  /** Everything in a queue; it stays there. */
  read(queue: string): Promise<readonly StoredMessage[]>
  close(): Promise<void>
}

export interface LabOptions {
  readonly url?: string
  readonly queueType?: 'classic' | 'quorum'
  /** A server of the test's own keeps them: RabbitMQ 3.10 can break down when quorum queues are deleted right after it was killed. */
  readonly keepsQueues?: boolean
}

/** A queue and an exchange of a test's own. */
export async function openLab({ url = rabbitmqUrl, queueType = 'classic', keepsQueues = false }: LabOptions = {}): Promise<Lab> {
  const id = randomUUID().slice(0, 8)
  const queue = `orders-${id}`
  const exchange = `events-${id}`
  const queues = new Set<string>()
  const opened: Consumption[] = []
  const closers: (() => Promise<void>)[] = []
  const connect = async (): Promise<ChannelModel> => {
    const connection = await amqpConnect(url)
    connection.on('error', () => undefined)
    return connection
  }
  const on: Lab['on'] = async (step) => {
    const connection = await connect()
    try {
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => undefined)
      const value = await step(channel)
      await channel.close()
      return value
    } finally {
      await connection.close().catch(() => undefined)
    }
  }
  const bind: Lab['bind'] = (name, options = { durable: true, arguments: { 'x-queue-type': queueType } }) =>
    on(async (channel) => {
      queues.add(name)
      await channel.assertExchange(exchange, 'fanout', { durable: true })
      await channel.assertQueue(name, options)
      await channel.bindQueue(name, exchange, '')
    })
  await bind(queue)

  const transport: Lab['transport'] = ({ connect: by = () => amqpConnect(url), ...options } = {}) => {
    const made = rabbitmqTransport(by, { queue, decode: (incoming) => incoming.text(), delayStepsMs: [200, 1_000], ...options })
    const prefix = options.retryQueuePrefix ?? options.queue ?? queue
    for (const step of options.delayStepsMs ?? [200, 1_000]) queues.add(`${prefix}.retry.${step}`)
    for (const own of [`${prefix}.retry`, options.deadLetterQueue ?? `${prefix}.dlq`]) queues.add(own)
    closers.push(() => made.close())
    return made
  }
  const publisher = transport({ exchange })
  return {
    url,
    exchange,
    queue,
    connect,
    on,
    bind,
    transport,
    async consume(handler, { graceMs = 5_000, signal, ...options } = {}) {
      const consumption = await transport(options).consume(handler, { graceMs, ...(signal && { signal }) })
      opened.push(consumption)
      return consumption
    },
    send: (texts, { to = queue, ...options } = {}) =>
      on(async (channel) => {
        for (const text of texts) channel.publish('', to, Buffer.from(text), { persistent: true, ...options })
        await (channel as unknown as { waitForConfirms(): Promise<void> }).waitForConfirms()
      }),
    publish: (messages) => publisher.publish(messages.map((message) => ({ ...message, destination: 'any' }))),
    read: (from) =>
      on(async (channel) => {
        const found: StoredMessage[] = []
        for (;;) {
          const message = await channel.get(from)
          if (!message) return found
          found.push({ bytes: message.content, headers: message.properties.headers ?? {}, message })
        }
      }),
    async close() {
      await Promise.all(opened.map((consumption) => consumption.stop()))
      await Promise.all(closers.map((close) => close()))
      if (keepsQueues) return
      await on(async (channel) => {
        for (const name of queues) await channel.deleteQueue(name)
        await channel.deleteExchange(exchange)
      })
    },
  }
}

/** Headers as the suites compare them. */
export function textsOf(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : (JSON.stringify(value) ?? '')]),
  )
}

export function orderingKeyOf(headers: Readonly<Record<string, unknown>>): string | undefined {
  const value = headers['hapax-ordering-key']
  return typeof value === 'string' ? value : undefined
}
