import { expect, test } from 'vitest'
import { manualClock } from 'hapax/testing'
import { openAcks } from '../../../adapters/transports/rabbitmq/acks.js'
import type { AmqpChannel, AmqpMessage } from '../../../adapters/transports/rabbitmq/client.js'
import type { Link } from '../../../adapters/transports/rabbitmq/link.js'
import type { ManualClock } from 'hapax/testing'

const message = (deliveryTag: number): AmqpMessage => ({
  content: Buffer.alloc(0),
  fields: { deliveryTag, redelivered: false, exchange: '', routingKey: 'orders' },
  properties: {},
})

interface World {
  readonly clock: ManualClock
  /** What the broker was told: `<number>` alone, `..<number>` for all up to it, `-<number>` for one that is handed back. */
  readonly frames: string[]
  readonly lost: unknown[]
  readonly end: () => void
  ack(...tags: number[]): void
  handBack(tag: number): void
}

function open(failing?: Error): World {
  const clock = manualClock()
  const frames: string[] = []
  const lost: unknown[] = []
  const ended = new AbortController()
  const channel = {
    ack({ fields }: AmqpMessage, allUpTo = false) {
      if (failing) throw failing
      frames.push(`${allUpTo ? '..' : ''}${fields.deliveryTag}`)
    },
    nack: ({ fields }: AmqpMessage) => frames.push(`-${fields.deliveryTag}`),
  }
  const link = { ended: ended.signal, lose: (error: unknown) => lost.push(error) }
  const acks = openAcks(link as unknown as Link, channel as unknown as AmqpChannel, clock)
  return {
    clock,
    frames,
    lost,
    end: () => ended.abort(),
    ack(...tags) {
      for (const tag of tags) acks.ack(message(tag))
    },
    handBack: (tag) => acks.handBack(message(tag)),
  }
}

test('acks of one turn are one frame, where nothing before them is left', async () => {
  const { clock, frames, ack } = open()
  ack(1, 3, 2)
  expect(frames).toEqual([])
  await clock.settle()
  expect(frames).toEqual(['..3'])
  ack(4)
  await clock.settle()
  expect(frames).toEqual(['..3', '..4'])
})

test('what lies behind a message that is not settled is acked by itself, and not again', async () => {
  const { clock, frames, ack } = open()
  ack(1, 3, 4)
  await clock.settle()
  expect(frames).toEqual(['..1', '3', '4'])
  ack(6)
  await clock.settle()
  ack(2)
  await clock.settle()
  ack(5, 7)
  await clock.settle()
  expect(frames).toEqual(['..1', '3', '4', '6', '..2', '..7'])
})

test('a message that was handed back is not acked with those behind it', async () => {
  const { clock, frames, ack, handBack } = open()
  handBack(2)
  ack(1, 3)
  await clock.settle()
  expect(frames).toEqual(['-2', '..3'])
  handBack(4)
  ack(5)
  await clock.settle()
  expect(frames).toEqual(['-2', '..3', '-4', '..5'])
})

test('nothing is sent by a channel that is lost, and one that fails is', async () => {
  const { clock, frames, ack, end } = open()
  ack(1)
  end()
  await clock.settle()
  expect(frames).toEqual([])

  const failure = new Error('Channel closed')
  const failing = open(failure)
  failing.ack(1)
  await failing.clock.settle()
  expect(failing.lost).toEqual([failure])
})
