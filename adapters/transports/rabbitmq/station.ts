import { explainQueue } from './faults.js'
import { openAcks } from './acks.js'
import { openConsumers } from './consumers.js'
import { openLink } from './link.js'
import { prepareQueues } from './queues.js'
import { onAbort } from '../../../src/index.js'
import type { Clock } from '../../../src/index.js'
import type { AmqpMessage } from './client.js'
import type { Connect, Link } from './link.js'
import type { Held } from './deliveries.js'
import type { QueuesParts } from './queues.js'

/** A link that receives: one channel, with consumers of the queue and of the retry queue. */
export interface Station {
  readonly link: Link
  /** So many deliveries wait aside: others are handed over in their stead. */
  setAside(count: number): void
  /** Nothing is handed over any more, and signals abort. What is in hand can still be settled. */
  stop(): Promise<void>
  /** Closes the link. What was settled before is settled. */
  close(): Promise<void>
}

export interface StationParts extends QueuesParts {
  readonly connect: Connect
  readonly clock: Clock
  readonly concurrency: number
  readonly prefetch: number
  /** Resolves when the delivery was settled, or left. */
  readonly deliver: (held: Held, isCopy: boolean) => Promise<unknown>
}

/** A server that is stopped, or a network that swallows everything, would be noticed by the heartbeat only: after minutes, unless the user says otherwise. */
const askEveryMs = 5_000
/** What was left unsettled is handed back after this. */
const againMs = 1_000

export async function openStation(parts: StationParts): Promise<Station> {
  const { connect, clock, names, prefetch } = parts
  const link = await openLink(connect, clock)
  try {
    await prepareQueues(link, parts)
    const channel = link.adopt(await link.ask(link.connection.createChannel()))
    await link.ask(channel.prefetch(prefetch))
    const stopping = new AbortController()
    const inHand = new Set<Held>()
    link.ended.addEventListener('abort', () => {
      for (const { delivery } of inHand) if (delivery) delivery.takenAway = true
      stopping.abort()
    })
    const acks = openAcks(link, channel, clock)
    let answeredAt = clock.now()

    const receive = async (message: AmqpMessage, isCopy: boolean): Promise<void> => {
      answeredAt = clock.now()
      let open = true
      const settle = (act: (message: AmqpMessage) => void): void => {
        if (!open || link.ended.aborted) return
        open = false
        inHand.delete(held)
        act(message)
      }
      const held: Held = { message, signal: stopping.signal, delivery: undefined, ack: () => settle(acks.ack) }
      inHand.add(held)
      try {
        await parts.deliver(held, isCopy)
      } catch {
        // Whatever a handler throws, amqplib is not to see it.
      }
      if (!open || link.ended.aborted) return
      const handBack = (): void => {
        if (held.delivery) held.delivery.takenAway = true
        settle(acks.handBack)
      }
      if (stopping.signal.aborted) return handBack()
      const end = (): void => {
        cancel()
        unwatch()
        handBack()
      }
      const cancel = clock.schedule(againMs, end)
      const unwatch = onAbort(stopping.signal, end)
    }

    const main = openConsumers({ link, channel, queue: names.queue, arrived: (message) => void receive(message, false) })
    const copies = openConsumers({ link, channel, queue: names.retry, arrived: (message) => void receive(message, true) })
    await copies.start().catch((error: unknown) => {
      throw explainQueue(error, 'retryQueuePrefix', names.retry)
    })
    await main.start().catch((error: unknown) => {
      throw explainQueue(error, 'queue', names.queue)
    })

    const askAgain = (): void => {
      cancelAsking = clock.schedule(askEveryMs, () => {
        if (link.ended.aborted) return
        askAgain()
        // It sets what is set: any answer will do.
        if (clock.now() - answeredAt >= askEveryMs) link.ask(channel.prefetch(prefetch)).catch(() => undefined)
      })
    }
    let cancelAsking = (): void => undefined
    askAgain()
    link.ended.addEventListener('abort', () => cancelAsking())

    return {
      link,
      setAside(count) {
        const needed = Math.ceil((count + parts.concurrency) / prefetch)
        main.resize(needed)
        copies.resize(needed)
      },
      async stop() {
        stopping.abort()
        await Promise.all([main.stop(), copies.stop()])
      },
      async close() {
        acks.flush()
        await link.close()
      },
    }
  } catch (error) {
    await link.close()
    throw error
  }
}
