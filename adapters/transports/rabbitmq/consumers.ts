import type { AmqpChannel, AmqpMessage } from './client.js'
import type { Link } from './link.js'

/** The consumers of one queue on one channel. Each is handed a prefetch of its own, and what it was handed stays ours when it is cancelled. */
export interface Consumers {
  /** Begins with one. Rejects when the queue cannot be consumed. */
  start(): Promise<void>
  /** Has so many of them, sooner or later. */
  resize(count: number): void
  /** Has none any more: nothing new is handed over. */
  stop(): Promise<void>
}

export interface ConsumersParts {
  readonly link: Link
  readonly channel: AmqpChannel
  readonly queue: string
  readonly arrived: (message: AmqpMessage) => void
}

export function openConsumers({ link, channel, queue, arrived }: ConsumersParts): Consumers {
  const tags: string[] = []
  let wanted = 1
  let stopped = false
  let adjusting = false
  let adjusted = Promise.resolve()

  const onMessage = (message: AmqpMessage | null): void => {
    if (message) arrived(message)
    else link.lose(new Error(`RabbitMQ has cancelled the consumer of the queue ${queue}: it was deleted, or has moved`))
  }
  const add = async (): Promise<void> => {
    const { consumerTag } = await link.ask(channel.consume(queue, onMessage))
    tags.push(consumerTag)
  }
  const adjust = async (): Promise<void> => {
    adjusting = true
    try {
      while (!link.ended.aborted) {
        // One too many may stay: the count goes up and down quickly.
        if (stopped ? tags.length > 0 : tags.length > wanted + 1) {
          const tag = tags.pop()
          if (tag !== undefined) await link.ask(channel.cancel(tag))
        } else if (!stopped && tags.length < wanted) await add()
        else return
      }
    } catch (error) {
      link.lose(error)
    } finally {
      // In the same turn as the last look at what is wanted, or the next wish could go unheard.
      adjusting = false
    }
  }
  const begin = (): void => {
    if (!adjusting) adjusted = adjust()
  }

  return {
    start: add,
    resize(count) {
      wanted = Math.max(1, count)
      if (!stopped) begin()
    },
    async stop() {
      stopped = true
      begin()
      await adjusted
    },
  }
}
