import * as amqp from 'amqplib'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { DeadLetterError, idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { redisStore } from 'hapax/stores/redis'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { rabbitmqUrl, redisUrl } from '../../services/places.js'
import { openLab, until } from './rabbitmq-lab.js'

interface Order {
  readonly id: string
}
const parseOrder = (value: unknown): Order => value as Order

test('a program that consumes', async () => {
  const lab = await openLab()
  const charged: string[] = []
  const chargeCard = (order: Order): void => void charged.push(order.id)
  const { queue } = lab
  lab.transport()
  try {
    // #region consume
    const redis = new Redis(redisUrl)
    const orders = rabbitmqTransport(() => amqp.connect(rabbitmqUrl), {
      queue,
      decode: (incoming) => parseOrder(incoming.json()),
    })
    const charge = idempotent(chargeCard, { store: redisStore(redis), scope: 'billing.charge', key: (order) => order.id })

    const consumption = await orders.consume(charge)
    process.once('SIGTERM', () => void consumption.stop())
    // #endregion
    const id = `order-${queue}`
    await lab.send([JSON.stringify({ id }), JSON.stringify({ id })])
    await until('it is charged', () => charged.length > 0)
    await consumption.stop()
    // #region consume
    await consumption.done // rejects when consuming cannot go on
    await redis.quit()
    // #endregion
    expect(charged).toEqual([id])
    await lab.on(async (channel) => {
      for (const stepMs of [10_000, 60_000, 600_000]) await channel.deleteQueue(`${queue}.retry.${stepMs}`)
    })
  } finally {
    await lab.close()
  }
})

test('a message without an id of its own has the one that it was sent with', async () => {
  const lab = await openLab()
  const { queue } = lab
  lab.transport()
  const connect = () => amqp.connect(rabbitmqUrl)
  const done: string[] = []
  try {
    // #region properties
    const orders = rabbitmqTransport(connect, {
      queue,
      delayStepsMs: [200, 1_000],
      decode: (incoming) => ({ id: incoming.properties.messageId ?? '', text: incoming.text() }),
    })
    // #endregion
    const handler = idempotent(({ id, text }: { readonly id: string; readonly text: string }) => void done.push(`${id} ${text}`), {
      store: memoryStore(),
      scope: 'test.scope',
      key: ({ id }) => id,
    })
    const consumption = await orders.consume(handler)
    await lab.send(['m'], { messageId: 'id-1' })
    await until('it is handled', () => done.length > 0)
    expect(done).toEqual(['id-1 m'])
    await consumption.stop()
  } finally {
    await lab.close()
  }
})

test('dead letters are replayed by putting them into the retry queue of their group, marked as replays', async () => {
  const lab = await openLab()
  try {
    let broken = true
    const attempts: number[] = []
    const statuses: string[] = []
    const handler = idempotent(
      (_: string, context) => {
        attempts.push(context.attempt)
        if (broken) throw new DeadLetterError('the account is locked')
      },
      { store: memoryStore(), scope: 'test.scope', key: (text) => text, onOutcome: ({ status }) => statuses.push(status) },
    )
    await lab.consume(handler)
    const deadLetterQueue = `${lab.queue}.dlq`
    const retryQueue = `${lab.queue}.retry`
    await lab.send(['order-1'], { headers: { trace: 'abc' } })
    await until('it is set aside', () => statuses.includes('dead-lettered'))
    broken = false

    // #region replay
    const connection = await amqp.connect(rabbitmqUrl)
    const channel = await connection.createConfirmChannel()
    for (;;) {
      const letter = await channel.get(deadLetterQueue)
      if (!letter) break
      const { properties, content } = letter
      const headers = { ...properties.headers, 'hapax-replay': 'true' }
      channel.sendToQueue(retryQueue, content, { ...properties, persistent: true, headers })
      await channel.waitForConfirms()
      channel.ack(letter)
    }
    await channel.close()
    await connection.close()
    // #endregion

    await until('it is handled', () => statuses.includes('handled'))
    expect(statuses).toEqual(['dead-lettered', 'handled'])
    expect(attempts).toEqual([1, 1])
    expect(await lab.read(deadLetterQueue)).toEqual([])
  } finally {
    await lab.close()
  }
})
