import type { Clock } from '../../../src/index.js'
import type { AmqpChannel, AmqpMessage } from './client.js'
import type { Link } from './link.js'

/** Settles the messages of one channel. Numbers on a channel count up by one, whichever consumer a message came to. */
export interface Acks {
  /** Acks it at the end of this turn of the event loop. */
  readonly ack: (message: AmqpMessage) => void
  /** Hands it back, to be delivered again. */
  readonly handBack: (message: AmqpMessage) => void
  /** Sends what waits for the end of the turn. */
  flush(): void
}

/**
 * Acks of one turn go out together: with one frame all that lies before the oldest message that is not settled, and each of the others with one of its own.
 * A frame for each message costs more than handing it over did.
 */
export function openAcks(link: Link, channel: AmqpChannel, clock: Pick<Clock, 'soon'>): Acks {
  /** The oldest number that is not known to be settled. */
  let next = 1
  /** Settled, and not before it: to be acked, or already told to the broker. */
  const waiting = new Map<number, AmqpMessage>()
  const told = new Set<number>()
  let leaving = false

  const flush = (): void => {
    leaving = false
    if (link.ended.aborted) return
    try {
      let last: AmqpMessage | undefined
      for (; ; next += 1) {
        const message = waiting.get(next)
        if (message) last = message
        else if (!told.delete(next)) break
        waiting.delete(next)
      }
      if (last) channel.ack(last, true)
      for (const [number, message] of waiting) {
        channel.ack(message)
        told.add(number)
      }
      waiting.clear()
    } catch (error) {
      link.lose(error)
    }
  }

  return {
    ack(message) {
      waiting.set(message.fields.deliveryTag, message)
      if (leaving) return
      leaving = true
      clock.soon(flush)
    },
    handBack(message) {
      try {
        channel.nack(message, false, true)
        told.add(message.fields.deliveryTag)
      } catch (error) {
        link.lose(error)
      }
    },
    flush,
  }
}
