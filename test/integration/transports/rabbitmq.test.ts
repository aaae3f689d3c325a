import { afterEach, describe, expect, it } from 'vitest'
import { connect as amqpConnect } from 'amqplib'
import { copyHeaders, hasCode, idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { rabbitmqUrl } from '../../services/places.js'
import { makeHandler, marksOf, openLab, until } from './rabbitmq-lab.js'
import type { Channel, ChannelModel } from 'amqplib'
import type { Outcome } from 'hapax'
import type { RabbitmqIncoming } from 'hapax/transports/rabbitmq'
import type { Lab, LabOptions } from './rabbitmq-lab.js'

const labs: Lab[] = []
const lab = async (options?: LabOptions): Promise<Lab> => {
  const opened = await openLab(options)
  labs.push(opened)
  return opened
}
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})

const refusal =
  (option: string, ...texts: readonly string[]) =>
  (error: unknown): boolean =>
    hasCode(error, 'configuration') &&
    (error as { option?: string }).option === option &&
    texts.every((text) => (error as Error).message.includes(text))

/** A way to connect that remembers what it made. */
function watching(): { connect(): Promise<ChannelModel>; readonly connections: ChannelModel[]; readonly channels: Channel[] } {
  const connections: ChannelModel[] = []
  const channels: Channel[] = []
  return {
    connections,
    channels,
    async connect() {
      const connection = await amqpConnect(rabbitmqUrl)
      connections.push(connection)
      const create = connection.createChannel.bind(connection)
      connection.createChannel = async (options) => {
        const channel = await create(options)
        channels.push(channel)
        return channel
      }
      return connection
    },
  }
}

/** The channel that consumes. */
const consuming = (channels: readonly Channel[]): Channel => {
  const found = channels.findLast((channel) => (channel as unknown as { consumers: Map<string, unknown> }).consumers.size > 0)
  if (!found) throw new Error('nobody consumes')
  return found
}

describe('what is copied', () => {
  it('keeps typed headers and properties, tells them to decode, and leaves out what is the broker’s', async () => {
    const { send, consume, read, queue } = await lab()
    const seen: RabbitmqIncoming[] = []
    const handler = makeHandler(async ({ delivery, incoming }) => {
      seen.push(incoming as RabbitmqIncoming)
      if (delivery.attempts === 0) return delivery.postpone(100, marksOf(delivery, { attempts: 1 }))
      await delivery.deadLetter('enough', marksOf(delivery))
      await delivery.ack()
    })
    await consume(handler)
    const typed = {
      number: 17,
      large: 2 ** 40,
      fraction: 0.5,
      'far below': { '!': 'double', value: -1e300 },
      yes: true,
      nothing: null,
      bytes: Buffer.from([1, 2, 255]),
      when: { '!': 'timestamp', value: 1_700_000_000 },
      list: ['a', 1, { deep: [true] }],
      table: { inner: { text: 'ü' } },
      constructor: 'a text',
    }
    await send(['m'], {
      contentType: 'application/json',
      correlationId: 'c-1',
      messageId: 'id/ü 1',
      type: 'order.paid',
      appId: 'shop',
      replyTo: 'answers',
      timestamp: 1_700_000_001,
      priority: 3,
      expiration: 60_000,
      userId: 'guest',
      headers: {
        ...typed,
        'x-death': [{ count: 9, queue: 'forged' }],
        'x-first-death-queue': 'forged',
        'x-deduplication-header': 'once',
      },
    })
    await until('it was set aside', async () => (await read(`${queue}.dlq`)).length > 0)
    const [letter] = await read(`${queue}.dlq`)
    expect(letter?.headers).toMatchObject({ ...typed, 'far below': -1e300 })
    expect(Object.keys(letter?.headers ?? {}).filter((name) => name.startsWith('x-') && name !== 'x-delivery-count')).toEqual([])
    expect(letter?.headers).toMatchObject({
      'hapax-exchange': '',
      'hapax-routing-key': queue,
      'hapax-user': 'guest',
      'hapax-reason': 'enough',
    })
    const properties = {
      contentType: 'application/json',
      correlationId: 'c-1',
      messageId: 'id/ü 1',
      type: 'order.paid',
      appId: 'shop',
      replyTo: 'answers',
      timestamp: 1_700_000_001,
      priority: 3,
    }
    expect(letter?.message.properties).toMatchObject({ ...properties, deliveryMode: 2, expiration: undefined, userId: undefined })
    expect(seen).toHaveLength(2)
    for (const incoming of seen) {
      expect(incoming.properties).toMatchObject({ ...properties, exchange: '', routingKey: queue, userId: 'guest' })
      expect(incoming.origin).toEqual({ destination: queue, position: `${queue}#id/__1` })
      expect(incoming.headers).toMatchObject({
        number: '17',
        yes: 'true',
        nothing: '',
        when: '1700000000',
        list: '["a",1,{"deep":[true]}]',
        table: '{"inner":{"text":"ü"}}',
        constructor: 'a text',
      })
    }
    expect(seen[0]?.headers['x-death']).toContain('forged')
    expect(seen[1]?.headers['x-death']).toBeUndefined()
  })

  it('goes nowhere else: CC is not followed again', async () => {
    const { send, consume, bind, queue, read } = await lab()
    await bind(`${queue}.other`)
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(50, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await consume(handler)
    await send(['m'], { CC: [`${queue}.other`] })
    await until('the copy has come', () => handler.seen.length === 2)
    expect(await read(`${queue}.other`)).toHaveLength(1)
  })

  it('survives headers that amqplib reads and does not write', async () => {
    const { send, consume, queue, read } = await lab()
    const handler = makeHandler(async ({ delivery, incoming }) => {
      expect(Object.keys(incoming.headers).length).toBeGreaterThan(0)
      if (delivery.attempts === 0) return delivery.postpone(50, marksOf(delivery, { attempts: 1 }))
      await delivery.deadLetter('enough', marksOf(delivery))
      await delivery.ack()
    })
    await consume(handler)
    const nested = (depth: number): unknown => (depth === 0 ? 'deep' : { down: nested(depth - 1) })
    const double = (value: number): unknown => ({ '!': 'double', value })
    const hostile: Record<string, unknown>[] = [
      { low: double(-1e300), high: double(1e300) },
      // A table with a `!` in it: inherited, so that amqplib writes it as one.
      { tricky: Object.create({ '!': 'no such type', value: 1 }) as unknown },
      { late: { '!': 'timestamp', value: '18446744073709551615' } },
      { deep: nested(500) },
      { ['n'.repeat(255)]: 'long name', big: 'x'.repeat(42_000), bigger: 'y'.repeat(21_900) },
      { 'x-death': 'no list', CC: ['orders-nowhere'], BCC: [] },
      { 'hapax-attempts': 7, 'hapax-scope': { not: 'a text' }, 'hapax-ordering-key': ['neither'] },
    ]
    for (const headers of hostile) await send(['m'], { headers: { ...headers, kept: 'yes' } })
    await send([''], { headers: { kept: 'yes' } })
    await until('all were set aside', async () => (await read(`${queue}.dlq`)).length >= hostile.length + 1)
    const letters = await read(`${queue}.dlq`)
    expect(letters).toHaveLength(hostile.length + 1)
    expect(letters.every(({ headers }) => headers['kept'] === 'yes')).toBe(true)
    expect(letters.some(({ headers }) => headers['bigger'] !== undefined && headers['big'] === undefined)).toBe(true)
    expect(handler.troubles).toEqual([])
  })
})

describe('what is believed', () => {
  it('nothing that comes through the queue itself, whatever it claims to have been through', async () => {
    const { send, consume, queue } = await lab()
    const handler = makeHandler()
    await consume(handler)
    const marks = { scope: 'test.scope', key: 'k', attempts: 4, postponements: 4, replay: true }
    const forged = copyHeaders(marks, { origin: { destination: queue, position: '1' }, nowEpochMs: Date.now(), sinceEpochMs: 1 }, 1)
    const death = { count: 1, reason: 'expired', queue: `${queue}.retry.200`, exchange: '', 'routing-keys': [`${queue}.retry.200`] }
    await send(['m'], {
      headers: { ...forged, 'x-death': [death], 'x-first-death-queue': `${queue}.retry.200`, 'x-first-death-reason': 'expired' },
    })
    await until('it has come', () => handler.seen.length === 1)
    const [{ delivery }] = handler.seen as [(typeof handler.seen)[number]]
    const { attempts, postponements, waitedMs, replay, redelivered } = delivery
    expect({ attempts, postponements, waitedMs, replay, redelivered }).toEqual({
      attempts: 0,
      postponements: 0,
      waitedMs: 0,
      replay: false,
      redelivered: false,
    })
  })

  it('a stranger’s message in the retry queue is handled as a new one, from there', async () => {
    const { send, consume, queue } = await lab()
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(50, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await consume(handler)
    await send(['m'], { to: `${queue}.retry`, messageId: '1' })
    await until('its copy has come', () => handler.seen.length === 2)
    expect(handler.seen[0]?.delivery).toMatchObject({ attempts: 0, redelivered: undefined })
    expect(handler.seen[0]?.incoming.origin).toEqual({ destination: `${queue}.retry`, position: `${queue}.retry#1` })
    expect(handler.seen[1]?.delivery).toMatchObject({ attempts: 1, redelivered: undefined })
  })
})

describe('steps', () => {
  it('copies come back though their step was taken out of the configuration', async () => {
    const { send, consume } = await lab()
    const postponer = makeHandler(({ delivery }) => delivery.postpone(1_000, marksOf(delivery, { attempts: 1 })))
    const first = await consume(postponer, { delayStepsMs: [200, 1_000] })
    await send(['m'])
    await until('it is postponed', () => postponer.seen.length === 1)
    await first.stop()
    const handler = makeHandler()
    await consume(handler, { delayStepsMs: [50] })
    await until('its copy has come', () => handler.seen.length === 1)
    expect(handler.seen[0]?.delivery.attempts).toBe(1)
  })

  it('a delay between two steps is not waited for as long as the longer one', async () => {
    const { send, consume } = await lab()
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(300, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await consume(handler, { delayStepsMs: [50, 600_000] })
    await send(['m'])
    await until('its copy has come', () => handler.seen.length === 2)
    expect(handler.seen[1]!.at - handler.seen[0]!.at).toBeGreaterThanOrEqual(285)
  })
})

describe('waiting aside', () => {
  it('more deliveries than the prefetch that wait for one twin do not keep another key from being handled', async () => {
    const { send, consume } = await lab()
    const outcomes: Outcome[] = []
    let open = (): void => undefined
    const opened = new Promise<void>((resolve) => (open = resolve))
    const handled: string[] = []
    const handler = idempotent(
      async (text: string) => {
        if (text.startsWith('slow')) await opened
        handled.push(text)
      },
      {
        store: memoryStore(),
        scope: 'test.scope',
        key: (text) => text.split(' ')[0] ?? '',
        onOutcome: (outcome) => void outcomes.push(outcome),
      },
    )
    await consume(handler, { concurrency: 2, prefetch: 4 })
    await send(Array.from({ length: 40 }, (_, n) => `slow ${n}`))
    await send(['quick 1'])
    await until('the other key is handled', () => handled.includes('quick 1'))
    expect(handled).toEqual(['quick 1'])
    open()
    await until('all are settled', () => outcomes.length === 41)
    expect(outcomes.filter(({ status }) => status === 'duplicate')).toHaveLength(39)
    // Back to few consumers, it goes on.
    await send(['last 1'])
    await until('what follows is handled', () => handled.includes('last 1'))
  })

  it('is bounded', async () => {
    const { send, consume } = await lab()
    let aside = 0
    const overs: (() => void)[] = []
    const handler = makeHandler()
    const waiting: typeof handler = {
      ...handler,
      async settle(delivery, session) {
        const over = session?.waitAside()
        aside += 1
        await new Promise<void>((resolve) => {
          overs.push(resolve)
          if (delivery.signal.aborted) resolve()
          delivery.signal.addEventListener('abort', () => resolve())
        })
        over?.()
        if (!delivery.signal.aborted) await delivery.ack()
        return { scope: '', key: undefined, attempts: 0, postponements: 0, tookMs: 0, status: 'handled' }
      },
    }
    const { connect, channels } = watching()
    await consume(waiting, { concurrency: 1, prefetch: 10, maxAside: 25, connect })
    await send(Array.from({ length: 200 }, (_, n) => `m${n}`))
    // (25 + 1) / 10 consumers, rounded up, of 10 each.
    await until('all that may have come', () => aside === 30)
    // What was sent before on the channel was handed over before this is answered.
    const channel = consuming(channels)
    for (let round = 0; round < 5; round += 1) await channel.prefetch(10)
    expect(aside).toBe(30)
    for (const over of overs) over()
  })
})

describe('what is lost comes back', () => {
  it('a channel that the server closes: deliveries are taken away and come again, and it is told once', async () => {
    const { send, consume } = await lab()
    const { connect, channels } = watching()
    let settle = (): void => undefined
    const settled = new Promise<void>((resolve) => (settle = resolve))
    const handler = makeHandler(async ({ delivery }) => {
      if (delivery.redelivered === false) await settled
      await delivery.ack()
    })
    const consumption = await consume(handler, { connect })
    await send(['m'])
    await until('it runs', () => handler.seen.length === 1)
    // An ack that nobody waits for: 406, as after the server's own ack timeout.
    consuming(channels).ack({ fields: { deliveryTag: 999 } } as never)
    await until('it has come again', () => handler.seen.length === 2)
    const [first] = handler.seen
    expect(first?.delivery.signal.aborted).toBe(true)
    expect(first?.delivery.takenAway).toBe(true)
    settle()
    await until('it runs again', () => consumption.status === 'running')
    expect(handler.kinds()).toEqual(['broker-away', 'recovered'])
    expect(handler.troubles[0]?.message).toContain('unknown delivery tag')
    await send(['next'])
    await until('the next one has come', () => handler.texts.includes('next'))
  })

  it('a queue that is deleted while it is consumed: held until somebody creates it again', async () => {
    const { send, consume, on, bind, queue } = await lab()
    const handler = makeHandler()
    const consumption = await consume(handler)
    await on((channel) => channel.deleteQueue(queue))
    await until('it is held', () => consumption.status === 'held')
    await bind(queue)
    await until('it runs again', () => consumption.status === 'running')
    await send(['m'])
    await until('it has come', () => handler.seen.length === 1)
    expect(handler.kinds()).toEqual(['broker-away', 'recovered'])
  })

  it('delay and dead-letter queues that are deleted: created again, and nothing is acked before', async () => {
    const { send, consume, on, queue, read } = await lab()
    const failures: unknown[] = []
    const handler = makeHandler(async ({ delivery }) => {
      for (;;) {
        try {
          if (delivery.attempts === 0) return await delivery.postpone(50, marksOf(delivery, { attempts: 1 }))
          await delivery.deadLetter('enough', marksOf(delivery))
          return await delivery.ack()
        } catch (error) {
          failures.push(error)
        }
      }
    })
    await consume(handler)
    await on(async (channel) => {
      await channel.deleteQueue(`${queue}.retry.200`)
      await channel.deleteQueue(`${queue}.dlq`)
    })
    await send(['m'])
    await until('it was set aside', async () => (await read(`${queue}.dlq`).catch(() => [])).length > 0)
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.every((error) => (error as Error).message.includes('there is no queue'))).toBe(true)
    expect(handler.texts).toEqual(['m', 'm'])
  })

  it('the retry queue, deleted: copies wait in their delay queue until it is there again', async () => {
    const { send, consume, on, queue } = await lab()
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(1_000, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await consume(handler)
    await send(['m'])
    await until('it is postponed', () => handler.seen.length === 1)
    await on((channel) => channel.deleteQueue(`${queue}.retry`))
    await until('its copy has come', () => handler.seen.length === 2)
  })

  it('but not where it never can: done rejects, and says why', async () => {
    const { consume, on, queue } = await lab()
    const { connect, connections } = watching()
    const handler = makeHandler()
    const consumption = await consume(handler, { connect })
    await on(async (channel) => {
      await channel.deleteQueue(`${queue}.retry.200`)
      await channel.assertQueue(`${queue}.retry.200`, { durable: true, messageTtl: 7 })
    })
    await Promise.all(connections.map((connection) => connection.close()))
    await expect(consumption.done).rejects.toSatisfy(refusal('delayStepsMs', `${queue}.retry.200`, "'x-message-ttl'"))
    expect(consumption.status).toBe('stopped')
  })

  it('a connection that its user closes', async () => {
    const { send, consume } = await lab()
    const { connect, connections } = watching()
    const handler = makeHandler()
    const consumption = await consume(handler, { connect })
    await Promise.all(connections.map((connection) => connection.close()))
    await until('it runs again', () => handler.kinds().includes('recovered'))
    expect(consumption.status).toBe('running')
    await send(['m'])
    await until('it has come', () => handler.seen.length === 1)
  })
})

it('many that begin at the same time declare the same queues, and all run', async () => {
  const { consume, send } = await lab()
  const handler = makeHandler(({ delivery }) =>
    delivery.attempts === 0 ? delivery.postpone(50, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
  )
  await Promise.all(Array.from({ length: 10 }, () => consume(handler, { delayStepsMs: [50, 200] })))
  await send(Array.from({ length: 50 }, (_, n) => `m${n}`))
  await until('all copies have come', () => handler.seen.filter(({ delivery }) => delivery.attempts === 1).length === 50)
  expect(handler.troubles).toEqual([])
})

describe('a server that fails by itself while a consumption begins', () => {
  /** As RabbitMQ 3.10 does now and then, where many begin to consume a quorum queue that is being declared. */
  const failing = (times: number): { connect(): Promise<ChannelModel>; tries(): number } => {
    let tries = 0
    return {
      tries: () => tries,
      async connect() {
        const connection = await amqpConnect(rabbitmqUrl)
        tries += 1
        if (tries <= times)
          connection.createChannel = () =>
            Promise.reject(Object.assign(new Error('Connection closed: 541 (INTERNAL-ERROR) with message "INTERNAL_ERROR"'), { code: 541 }))
        return connection
      },
    }
  }

  it('is asked again', async () => {
    const { consume, send } = await lab()
    const handler = makeHandler()
    const { connect } = failing(2)
    await consume(handler, { connect })
    await send(['m'])
    await until('it has come', () => handler.seen.length === 1)
    expect(handler.troubles).toEqual([])
  })

  it('but not for ever: consume rejects', async () => {
    const { consume } = await lab()
    const { connect, tries } = failing(Number.POSITIVE_INFINITY)
    await expect(consume(makeHandler(), { connect })).rejects.toMatchObject({ code: 541 })
    expect(tries()).toBe(5)
  })
})

describe('what cannot be', () => {
  it('is refused by consume, with what to do', async () => {
    const { consume, on, queue, transport, connect } = await lab()
    const handler = makeHandler()
    await expect(consume(handler, { queue: `${queue}.missing` })).rejects.toSatisfy(refusal('queue', `${queue}.missing`, 'does not exist'))
    await expect(consume(handler, { createQueues: false })).rejects.toSatisfy(refusal('createQueues', `${queue}.`, 'does not exist'))
    await on((channel) =>
      channel.assertQueue(`${queue}.other`, { durable: true, arguments: { 'x-queue-type': 'classic', 'x-message-ttl': 5 } }),
    )
    await expect(consume(handler, { deadLetterQueue: `${queue}.other` })).rejects.toSatisfy(
      refusal('deadLetterQueue', `${queue}.other`, "'x-message-ttl'", 'current is the value'),
    )
    await expect(consume(handler, { queueType: 'quorum', deadLetterQueue: `${queue}.other` })).rejects.toSatisfy(refusal('deadLetterQueue'))

    const other = await connect()
    const channel = await other.createChannel()
    await channel.assertQueue(`${queue}.exclusive`, { exclusive: true })
    await expect(consume(handler, { queue: `${queue}.exclusive` })).rejects.toSatisfy(refusal('queue', 'exclusive'))
    await channel.consume(queue, () => undefined, { exclusive: true })
    await expect(consume(handler)).rejects.toSatisfy(refusal('queue', 'exclusive consumer'))
    await other.close()

    await expect(consume(handler, { connect: () => Promise.resolve({} as ChannelModel) })).rejects.toSatisfy(refusal('connect'))
    const away = new Error('nobody there')
    await expect(consume(handler, { connect: () => Promise.reject(away) })).rejects.toBe(away)
    expect(() => rabbitmqTransport(17 as never, { queue, decode: () => '' })).toThrow(/connect must be a function/)
    expect(transport().capabilities).toEqual({ delay: 'steps', ordered: false })
    await on((each) => each.deleteQueue(`${queue}.other`))
  })

  it('classic queues that are there already are used as they are', async () => {
    const { consume, send } = await lab()
    const settings = { delayStepsMs: [50] }
    await (await consume(makeHandler(), { ...settings, queueType: 'classic' })).stop()
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(50, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await consume(handler, settings)
    await send(['m'])
    await until('its copy has come', () => handler.seen.length === 2)
  })

  it('a consumption that is aborted while it connects does not wait', async () => {
    const { transport } = await lab()
    const ending = new AbortController()
    const begun = transport({ connect: () => new Promise(() => undefined) }).consume(makeHandler(), { signal: ending.signal })
    ending.abort()
    const consumption = await begun
    await consumption.done
    expect(consumption.status).toBe('stopped')
  })
})

describe('publishing', () => {
  it('to an exchange: the destination is the routing key', async () => {
    const { exchange, transport, read, queue } = await lab()
    const publisher = transport({ exchange })
    await publisher.publish([{ destination: 'order.paid', body: 'm', id: 'id-1', orderingKey: 'k' }])
    const [message] = await read(queue)
    expect(message?.message.fields).toMatchObject({ exchange, routingKey: 'order.paid' })
    expect(message?.message.properties).toMatchObject({ messageId: 'id-1', deliveryMode: 2 })
    expect(message?.headers).toMatchObject({ 'hapax-id': 'id-1', 'hapax-ordering-key': 'k' })
  })

  it('refuses an exchange that is not there, and what would go elsewhere as well', async () => {
    const { transport, queue, exchange, read } = await lab()
    const refused = (error: unknown): boolean => hasCode(error, 'publish-refused')
    await expect(transport({ exchange: 'no such exchange' }).publish([{ destination: 'any', body: 'm' }])).rejects.toSatisfy(refused)
    const publisher = transport()
    await expect(publisher.publish([{ destination: queue, body: 'm', headers: { CC: exchange } }])).rejects.toSatisfy(refused)
    await expect(publisher.publish([{ destination: 'q'.repeat(300), body: 'm' }])).rejects.toSatisfy(refused)
    expect(await read(queue)).toEqual([])
  })

  it('side by side with many that are refused, all others arrive', async () => {
    const { transport, queue, read } = await lab()
    const publisher = transport()
    const results = await Promise.allSettled(
      Array.from({ length: 400 }, (_, n) => publisher.publish([{ destination: n % 4 === 0 ? 'no such queue' : queue, body: `m${n}` }])),
    )
    expect(results.map(({ status }, n) => (status === 'rejected') === (n % 4 === 0)).every(Boolean)).toBe(true)
    expect(await read(queue)).toHaveLength(300)
  })
})
