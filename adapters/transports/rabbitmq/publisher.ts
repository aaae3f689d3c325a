import { PublishRefusedError, hasCode, idHeader, refuse, refuseUnless, refuseUnsendable, systemClock } from '../../../src/index.js'
import { mostTableBytes, orderingKeyHeader, tableBytes } from './headers.js'
import { openLine } from './line.js'
import { openPublishing } from './publishing.js'
import type { Clock, Outgoing, Publisher } from '../../../src/index.js'
import type { AmqpConnection } from './client.js'
import type { Outbound, Publishing } from './publishing.js'

export interface RabbitmqPublisherOptions {
  /** The exchange that is published to, with destinations as routing keys. @default '' (the default exchange: destinations are names of queues) */
  readonly exchange?: string | undefined
  /** How long the broker may take to confirm a publish, in milliseconds; at least 100. After that it counts as unknown. @default 10_000 */
  readonly publishTimeoutMs?: number | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
}

/** Publishes to any queue, or to an exchange. */
export interface RabbitmqPublisher extends Publisher, AsyncDisposable {
  /**
   * Publishes to the queues named as destinations, or to the option `exchange` with destinations as routing keys. Persistent, and confirmed by the broker.
   * Connects at first use. Rejects with code `publish-refused` what no queue takes, or what the broker will not have; otherwise, when the broker did not confirm
   * all of them, each may have been published or not.
   */
  publish(messages: readonly Outgoing[]): Promise<void>
  /** Closes the connection of `publish`. Consumptions are stopped by themselves. */
  close(): Promise<void>
}

const longestText = 255

/**
 * Publishes to RabbitMQ on a connection of its own, which `connect` makes, again when it was lost: for the relay of an outbox, and wherever nothing is consumed.
 * Throws a `ConfigurationError` for options that cannot be.
 */
export function rabbitmqPublisher(connect: () => Promise<AmqpConnection>, options: RabbitmqPublisherOptions = {}): RabbitmqPublisher {
  refuseUnless.function('connect', connect, "() => amqp.connect('amqp://localhost')")
  refuseUnless.options(options, "{ exchange: 'events' }")
  const { exchange = '', publishTimeoutMs = 10_000, clock = systemClock } = options
  refuseUnless.clock('clock', clock)
  refuseUnless.wholeNumber('publishTimeoutMs', publishTimeoutMs, { least: 100, good: 10_000 })
  if (exchange !== '') refuseUnless.text('exchange', exchange, { most: longestText, good: 'events' })
  if (Buffer.byteLength(exchange) > longestText) throw refuse('exchange', exchange, `a text of at most ${longestText} bytes`, "'events'")

  let publishing: Publishing | undefined
  const close = async (): Promise<void> => {
    const closing = publishing
    publishing = undefined
    await closing?.close()
  }
  return {
    async publish(messages) {
      refuseUnsendable(messages)
      if (messages.length === 0) return
      publishing ??= openPublishing({
        clock,
        deadlineMs: publishTimeoutMs,
        mends: false,
        open: () => openLine({ connect, clock }, () => Promise.resolve()),
      })
      await publishAll(publishing.publish, exchange, messages)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Publishes a list. Messages of one ordering key are sent one after the other, each after the confirm of the one before it, as a channel has no way to
 * call back what follows one that is refused. All others travel side by side.
 */
async function publishAll(publish: Publishing['publish'], exchange: string, messages: readonly Outgoing[]): Promise<void> {
  const lanes = new Map<string, Outbound[]>()
  messages.forEach((message, place) => {
    const { destination, orderingKey } = message
    const name = orderingKey === undefined ? `${place}` : `${destination.length}:${destination}${orderingKey}`
    const lane = lanes.get(name) ?? []
    lanes.set(name, lane)
    lane.push(outbound(exchange, message))
  })
  const results = await Promise.allSettled(
    [...lanes.values()].map(async (lane) => {
      for (const each of lane) await publish(each)
    }),
  )
  const failures = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []))
  if (failures.length > 0) throw failures.find((error) => hasCode(error, 'publish-refused')) ?? failures[0]
}

function outbound(exchange: string, { destination, body, headers, orderingKey, id }: Outgoing): Outbound {
  if (Buffer.byteLength(destination) > longestText)
    throw new PublishRefusedError(`The destination has more than ${longestText} bytes: ${destination.slice(0, 40)}…`)
  const written: Record<string, unknown> = {
    ...headers,
    ...(id !== undefined && { [idHeader]: id }),
    ...(orderingKey !== undefined && { [orderingKeyHeader]: orderingKey }),
  }
  for (const name of Object.keys(written)) {
    if (name === 'CC' || name === 'BCC')
      throw new PublishRefusedError(`The header ${name} would have RabbitMQ send the message elsewhere as well: leave it out`)
    if (Buffer.byteLength(name) > longestText)
      throw new PublishRefusedError(`The name of a header has more than ${longestText} bytes: ${name.slice(0, 40)}…`)
  }
  const size = tableBytes(written)
  if (size > mostTableBytes)
    throw new PublishRefusedError(`The headers take ${size} bytes, and RabbitMQ's client writes at most ${mostTableBytes}`)
  return {
    exchange,
    routingKey: destination,
    content: typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    options: { headers: written, ...(id !== undefined && Buffer.byteLength(id) <= longestText && { messageId: id }) },
  }
}
