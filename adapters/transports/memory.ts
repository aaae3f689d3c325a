import { openConsumption, refuseUnless } from '../../src/index.js'
import { insideOf } from './memory/broker.js'
import { openConsumer } from './memory/consumer.js'
import type { Clock, Incoming, Transport } from '../../src/index.js'
import type { MemoryBroker } from './memory/broker.js'
import type { Consumer } from './memory/consumer.js'

export { memoryBroker } from './memory/broker.js'
export type { Depth, GroupPlace, IdleOptions, MemoryBroker, MemoryBrokerOptions } from './memory/broker.js'
export type { DeadLetter } from './memory/dead-letters.js'
export type { BrokerFaults } from './memory/faults.js'

export interface MemoryTransportOptions<Message> {
  /** What is consumed. */
  readonly topic: string
  /** Who consumes it: every group gets every message, and its consumptions share them. */
  readonly groupId: string
  /** The message from its bytes and headers. What it throws dead-letters the message. */
  readonly decode: (incoming: Incoming) => Message | Promise<Message>
  /** How many handlers run at once; at least 1. @default 16 */
  readonly concurrency?: number | undefined
  /**
   * How many deliveries one consumption has in hand at once, running or waiting; a whole number of at least `concurrency`. Messages that wait for
   * another one of their key are among them. @default ten times `concurrency`
   */
  readonly prefetch?: number | undefined
  /** Makes delays come in these steps only, in milliseconds, as a broker without delays of its own has them. @default any delay */
  readonly delayStepsMs?: readonly number[] | undefined
  /** The clock of the process that consumes: counts the grace time of a stop. @default the broker's */
  readonly clock?: Clock | undefined
}

/** More than any process can have running. */
const mostAtOnce = 1_000_000_000

/**
 * Consumes from a memory broker. At least once: what is not settled when its consumption ends comes again. Messages of one ordering key
 * come one after the other within a group; a postponed one leaves that order.
 */
export function memoryTransport<Message>(broker: MemoryBroker, options: MemoryTransportOptions<Message>): Transport<Message> {
  const inside = insideOf(broker)
  refuseUnless.options(options, "{ topic: 'orders', groupId: 'billing', decode }")
  const { topic, groupId, decode, concurrency = 16, delayStepsMs, clock } = options
  refuseUnless.wholeNumber('concurrency', concurrency, { least: 1, most: mostAtOnce, good: 16 })
  const { prefetch = concurrency * 10 } = options
  refuseUnless.text('topic', topic, { good: 'orders' })
  refuseUnless.text('groupId', groupId, { good: 'billing' })
  refuseUnless.function('decode', decode, '(incoming) => parseOrder(incoming.json())')
  refuseUnless.wholeNumber('prefetch', prefetch, { least: concurrency, good: concurrency * 10 })
  if (delayStepsMs !== undefined) refuseUnless.wholeNumbers('delayStepsMs', delayStepsMs, { least: 1, good: [1_000, 10_000, 60_000] })
  if (clock !== undefined) refuseUnless.clock('clock', clock)
  const stepsMs = delayStepsMs?.toSorted((a, b) => a - b) ?? []
  const delayFor = (delayMs: number): number => stepsMs.find((stepMs) => stepMs >= delayMs) ?? stepsMs.at(-1) ?? delayMs

  return {
    capabilities: { delay: delayStepsMs ? 'steps' : 'native', ordered: true },
    async consume(handler, consumeOptions = {}) {
      let consumer: Consumer | undefined
      const consumption = await openConsumption(handler, consumeOptions, {
        clock: clock ?? inside.clock,
        concurrency,
        async open(parts) {
          const opened = openConsumer({
            broker: inside.connect({ topic, groupId }),
            topic,
            scope: handler.scope,
            prefetch,
            delayFor,
            decode,
            settle: parts.settle,
            hold: () => parts.hold(),
          })
          consumer = opened
          return opened
        },
      })
      if (consumer) inside.know(consumption, consumer)
      return consumption
    },
  }
}
