import { afterEach, describe, expect, it } from 'vitest'
import { hasCode, idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { kafkaTransport } from 'hapax/transports/kafka'
import { makeHandler, marksOf, mortalKafka, openLab, sleep, until, type Lab, type LabOptions } from './kafka-lab.js'

const labs: Lab[] = []
const lab = async (options?: LabOptions): Promise<Lab> => {
  const opened = await openLab(options)
  labs.push(opened)
  return opened
}
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})
const numbered = (count: number, more: (n: number) => object = () => ({})): { value: string }[] =>
  Array.from({ length: count }, (_, n) => ({ value: `m${n}`, ...more(n) }))
const acking = (): ReturnType<typeof makeHandler> => makeHandler(({ delivery }) => delivery.ack())
const gate = (): { readonly opened: Promise<void>; open(): void } => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

describe('order and offsets', () => {
  it('handles messages of one key one after the other, and others side by side', async () => {
    const { send, consume } = await lab({ partitions: 2 })
    const running = new Map<string, number>()
    const order = new Map<string, string[]>()
    let most = 0
    const handler = makeHandler(async ({ text, incoming: { orderingKey = '' }, delivery }) => {
      running.set(orderingKey, (running.get(orderingKey) ?? 0) + 1)
      expect(running.get(orderingKey)).toBe(1)
      most = Math.max(
        most,
        [...running.values()].reduce((sum, each) => sum + each, 0),
      )
      order.set(orderingKey, [...(order.get(orderingKey) ?? []), text])
      await sleep(Math.random() * 5)
      running.set(orderingKey, 0)
      await delivery.ack()
    })
    await send(numbered(400, (n) => ({ key: `k${n % 10}` })))
    await consume(handler, { startFrom: 'earliest' })
    await until('all are handled', () => handler.seen.length === 400)
    for (let key = 0; key < 10; key += 1) {
      expect(order.get(`k${key}`)).toEqual(Array.from({ length: 40 }, (_, n) => `m${n * 10 + key}`))
    }
    expect(most).toBeGreaterThan(3)
  })

  it('lets a slow message hold up neither others nor be overtaken by the offset', async () => {
    const { send, consume, committed } = await lab()
    const slow = gate()
    const handler = makeHandler(async ({ text, delivery }) => {
      if (text === 'm3') await slow.opened
      await delivery.ack()
    })
    await send(numbered(50))
    await consume(handler, { startFrom: 'earliest' })
    await until('the others are handled', () => handler.seen.length === 50)
    await until('what lies before it is committed', async () => (await committed())[0] === 3)
    await sleep(2_500)
    expect(await committed()).toEqual([3])
    slow.open()
    await until('all is committed', async () => (await committed())[0] === 50)
  })

  it('handles others while many messages wait for their twin', async () => {
    const { send, consume, committed } = await lab()
    const slow = gate()
    const handled: string[] = []
    const handler = idempotent(
      async (text: string) => {
        if (text.startsWith('twin')) await slow.opened
        handled.push(text)
      },
      { store: memoryStore(), scope: 'test.scope', key: (text) => text.split(' ')[0] ?? '' },
    )
    await send([...Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: `twin ${n}` })), { key: 'other', value: 'other' }])
    await consume(handler, { startFrom: 'earliest', concurrency: 2 })
    await until('the other one is handled', () => handled.includes('other'))
    slow.open()
    await until('all is committed', async () => (await committed())[0] === 21)
    expect(handled).toEqual(['other', expect.stringMatching(/^twin \d+$/)])
  })

  it('takes from all partitions in turn, however much is waiting in one of them', async () => {
    const { send, consume } = await lab({ partitions: 2 })
    const from: number[] = []
    const handler = makeHandler(async ({ incoming, delivery }) => {
      from.push(Number(incoming.origin.position.split('/')[0]))
      await sleep(1)
      await delivery.ack()
    })
    await send([...numbered(400, () => ({ partition: 0 })), ...numbered(20, () => ({ partition: 1 }))])
    await consume(handler, { startFrom: 'earliest', concurrency: 1 })
    await until('all are handled', () => from.length === 420)
    const first = from.indexOf(1)
    expect(from.slice(first, first + 40).filter((partition) => partition === 1).length).toBeGreaterThanOrEqual(18)
  })

  it('delivers again from the oldest unfinished message after a crash', async () => {
    const { send, consume, broker, committed } = await lab()
    const mortal = mortalKafka(broker)
    const first = makeHandler(({ text, delivery }) => (text === 'm3' ? new Promise(() => undefined) : delivery.ack()))
    await send(numbered(10))
    void (await consume(first, { startFrom: 'earliest', client: mortal.kafka, sessionTimeoutMs: 6_000, graceMs: 0 }))
    await until('all but one are handled, and committed', async () => first.seen.length === 10 && (await committed())[0] === 3)
    mortal.kill()
    const second = acking()
    await consume(second, { sessionTimeoutMs: 6_000 })
    await until('the rest is handled', () => second.seen.length === 7)
    expect(second.seen.map(({ text }) => text)).toEqual(numbered(7).map((_, n) => `m${n + 3}`))
    expect(second.seen.map(({ delivery }) => delivery.redelivered)).toEqual(Array.from({ length: 7 }, () => undefined))
    await send([{ value: 'new' }])
    await until('a new one is handled', () => second.seen.length === 8)
    expect(second.seen.at(-1)?.delivery.redelivered).toBe(false)
  })

  it('starts no more than maxAhead messages past the oldest unfinished one', async () => {
    const { send, consume, committed } = await lab()
    const slow = gate()
    const handler = makeHandler(async ({ text, delivery }) => {
      if (text === 'm0') await slow.opened
      await delivery.ack()
    })
    await send(numbered(40))
    await consume(handler, { startFrom: 'earliest', maxAhead: 5, concurrency: 100 })
    await until('some are handled', () => handler.seen.length >= 5)
    await sleep(500)
    expect(handler.seen.length).toBe(5)
    slow.open()
    await until('all are handled, and committed', async () => handler.seen.length === 40 && (await committed())[0] === 40)
  })

  it('starts none past a message that is unfinished for half the window', async () => {
    const { send, consume } = await lab()
    const slow = gate()
    const handler = makeHandler(
      async ({ text, delivery }) => {
        if (text === 'm0') await slow.opened
        await delivery.ack()
      },
      { windowMs: 2_000 },
    )
    await consume(handler, { startFrom: 'earliest' })
    await send(numbered(3))
    await until('the first ones are handled', () => handler.seen.length === 3)
    await sleep(1_200)
    await send(numbered(30))
    await sleep(800)
    expect(handler.seen.length).toBe(3)
    slow.open()
    await until('all are handled', () => handler.seen.length === 33)
  })

  it('takes back in what is more than it wants to hold, partition by partition', async () => {
    const { send, consume, committed } = await lab({ partitions: 2 })
    const slow = gate()
    const handler = makeHandler(async ({ incoming, delivery }) => {
      if (incoming.origin.position.startsWith('0/')) await slow.opened
      await delivery.ack()
    })
    const part = (partition: number, from: number): { value: string; partition: number }[] =>
      Array.from({ length: 300 }, (_, n) => ({ value: `m${from + n}`, partition }))
    await consume(handler, { startFrom: 'earliest', maxAhead: 10, concurrency: 50 })
    for (let round = 0; round < 5; round += 1) await send([...part(0, round * 300), ...part(1, round * 300)])
    await until('the free partition is done', async () => (await committed())[1] === 1_500)
    expect(handler.seen.length).toBe(1_510)
    slow.open()
    await until('the other one, too', async () => (await committed())[0] === 1_500)
    expect(handler.seen.length).toBe(3_000)
  })

  it('begins again what nobody settled', async () => {
    const { send, consume, committed } = await lab()
    let times = 0
    const handler = makeHandler(async ({ text, delivery }) => {
      if (text === 'm1' && (times += 1) < 3) return
      await delivery.ack()
    })
    await send(numbered(5, () => ({ key: 'same' })))
    await consume(handler, { startFrom: 'earliest' })
    await until('all is committed', async () => (await committed())[0] === 5)
    expect(handler.seen.map(({ text }) => text)).toEqual(['m0', 'm1', 'm1', 'm1', 'm2', 'm3', 'm4'])
    expect(handler.seen[2]?.delivery.redelivered).toBe(true)
  })

  it('sends heartbeats while a handler runs for longer than the session', async () => {
    const { send, consume, groupId, admin, committed } = await lab()
    const handler = makeHandler(async ({ delivery }) => {
      await sleep(9_000)
      await delivery.ack()
    })
    await send(numbered(1))
    await consume(handler, { startFrom: 'earliest', sessionTimeoutMs: 6_000, graceMs: 10_000 })
    const members = new Set<string>()
    await until('it is handled, and committed', async () => {
      const { groups } = await admin.describeGroups([groupId])
      for (const { state, members: all } of groups) {
        expect(state).toBe('Stable')
        for (const { memberId } of all) members.add(memberId)
      }
      await sleep(200)
      return (await committed())[0] === 1
    })
    expect(members.size).toBe(1)
    expect(handler.seen.length).toBe(1)
    expect(handler.troubles).toEqual([])
  })

  it('goes on when the topic is made anew', async () => {
    const { send, consume, admin, create, topic } = await lab()
    const handler = acking()
    await send(numbered(20))
    await consume(handler, { startFrom: 'earliest' })
    await until('the old ones are handled', () => handler.seen.length === 20)
    await sleep(1_500)
    await admin.deleteTopics({ topics: [topic] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(topic))
    await create(topic)
    await send(numbered(5, (n) => ({ value: `new${n}` })))
    await until('the new ones are handled', () => new Set(handler.seen.map(({ text }) => text)).size === 25)
  })
})

describe('where to begin', () => {
  it('refuses a topic with messages until it is said', async () => {
    const { send, consume, groupId, topic } = await lab({ partitions: 2 })
    await send([{ value: 'old', partition: 1 }])
    const refused = await consume(acking()).catch((error: unknown) => error)
    expect(hasCode(refused, 'configuration')).toBe(true)
    expect((refused as Error).message).toContain(`${groupId} has no offset yet in partition 1 of ${topic}`)
    expect((refused as Error).message).toContain("'earliest'")
  })

  it('needs nothing said on an empty topic, and gives idle partitions an offset', async () => {
    const { send, consume, committed } = await lab({ partitions: 3 })
    const first = acking()
    await (await consume(first)).stop()
    expect(await committed()).toEqual([0, 0, 0])
    await send([{ value: 'while it was down', partition: 2 }])
    const second = acking()
    await consume(second)
    await until('it is handled', () => second.seen.length === 1)
  })

  it('begins with the first message, or with what comes from now on', async () => {
    const { send, consume, committed, topic } = await lab({ partitions: 2 })
    await send([0, 1, 0, 1, 0].map((partition, n) => ({ value: `old${n}`, partition })))
    const history = acking()
    await consume(history, { startFrom: 'earliest', groupId: `history-${topic}` })
    await until('history is handled', () => history.seen.length === 5)

    const latest = acking()
    await consume(latest, { startFrom: 'latest' })
    expect(await committed()).toEqual([3, 2])
    await send([0, 1].map((partition, n) => ({ value: `new${n}`, partition })))
    await until('the new ones are handled', () => latest.seen.length === 2)
    expect(latest.seen.map(({ text }) => text).toSorted()).toEqual(['new0', 'new1'])
    expect(latest.seen.map(({ delivery }) => delivery.redelivered)).not.toContain(true)
  })

  it('loses nothing that came after a start at the end, though it crashed before anything was handled', async () => {
    const { send, consume, broker } = await lab()
    await send([{ value: 'old' }])
    const mortal = mortalKafka(broker)
    await consume(
      makeHandler(() => new Promise(() => undefined)),
      { startFrom: 'latest', client: mortal.kafka, sessionTimeoutMs: 6_000, graceMs: 0 },
    )
    mortal.kill()
    await send([{ value: 'new' }])
    const second = acking()
    await consume(second, { startFrom: 'latest', sessionTimeoutMs: 6_000 })
    await until('it is handled', () => second.seen.length === 1)
    expect(second.seen[0]?.text).toBe('new')
  })
})

describe('topics', () => {
  it('creates what is missing, like the topic', async () => {
    const { consume, admin, topic, groupId } = await lab({ partitions: 3 })
    await consume(acking())
    const names = [`${topic}.${groupId}.retry.1000`, `${topic}.${groupId}.retry.3000`, `${topic}.${groupId}.dlt`]
    const { topics } = await admin.fetchTopicMetadata({ topics: names })
    expect(new Map(topics.map(({ name, partitions }) => [name, partitions.length]))).toEqual(new Map(names.map((name) => [name, 3])))
  })

  it('names what is missing when it must not create it', async () => {
    const { consume, topic, groupId, create } = await lab()
    await create(`${topic}.${groupId}.retry.1000`)
    const refused = await consume(acking(), { createTopics: false }).catch((error: unknown) => error)
    expect(hasCode(refused, 'configuration')).toBe(true)
    expect((refused as Error).message).toContain(`${topic}.${groupId}.retry.3000, ${topic}.${groupId}.dlt`)
    expect((refused as Error).message).not.toContain('retry.1000')
  })

  it('refuses a topic that is not there, and retry topics that would lose copies', async () => {
    const { consume, topic, groupId, create } = await lab()
    await expect(consume(acking(), { topic: 'nowhere' })).rejects.toThrow('The topic nowhere (option topic) does not exist')
    await create(`${topic}.${groupId}.retry.5000`, { configEntries: [{ name: 'retention.ms', value: '4000' }] })
    await expect(consume(acking(), { delayStepsMs: [5_000] })).rejects.toThrow('retention.ms=4000')
    await create('compacted-' + topic, { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] })
    await expect(consume(acking(), { deadLetterTopic: 'compacted-' + topic })).rejects.toThrow('cleanup.policy=compact')
    await create('small-' + topic, { configEntries: [{ name: 'max.message.bytes', value: '1000' }] })
    await expect(consume(acking(), { deadLetterTopic: 'small-' + topic })).rejects.toThrow('max.message.bytes=1000')
  })

  it('lets two workers start at once', async () => {
    const { consume, send } = await lab({ partitions: 2 })
    const handlers = [acking(), acking(), acking()]
    await Promise.all(handlers.map((handler) => consume(handler)))
    await send(numbered(20))
    await until('all are handled', () => handlers.reduce((sum, { seen }) => sum + seen.length, 0) >= 20)
  })

  it('serves two topics with one group and one client', async () => {
    const one = await lab({ partitions: 2 })
    const two = await lab({ partitions: 2 })
    const kafka = one.kafka()
    const handlers = [acking(), acking()]
    const consume = (topic: string, handler: (typeof handlers)[0] | undefined): Promise<unknown> =>
      handler
        ? one.consume(handler, {
            topic,
            client: kafka,
            startFrom: 'earliest',
            retryTopicPrefix: `${topic}.shared`,
            rebalanceTimeoutMs: 15_000,
          })
        : Promise.resolve()
    await Promise.all([consume(one.topic, handlers[0]), consume(two.topic, handlers[1])])
    await one.send(numbered(50))
    await two.send(numbered(50))
    await until('all are handled', () => handlers.every(({ seen }) => seen.length >= 50))
    expect(handlers.map(({ troubles }) => troubles)).toEqual([[], []])
  })
})

describe('what a message is', () => {
  it('shows tombstones, binary headers, repeated headers and no marks', async () => {
    const { send, consume } = await lab()
    const handler = acking()
    await send([
      { key: 'a', value: null, headers: { trace: 'abc', twice: ['one', 'two'], 'hapax-attempts': '7', 'hapax-id': 'mine' } },
      { value: Buffer.from([0xff, 0x00]), headers: { raw: Buffer.from('é') } },
      { key: Buffer.from([0xff]), value: '{"n":1}' },
    ])
    await consume(handler, { startFrom: 'earliest', decode: ({ bytes }) => Buffer.from(bytes).toString('hex') })
    await until('all are handled', () => handler.seen.length === 3)
    const [tombstone, binary, json] = handler.seen
    expect(tombstone?.incoming.bytes.length).toBe(0)
    expect(tombstone?.incoming.orderingKey).toBe('a')
    expect(tombstone?.incoming.headers).toEqual({ trace: 'abc', twice: 'one', 'hapax-id': 'mine' })
    expect(tombstone?.delivery).toMatchObject({ attempts: 0, postponements: 0, waitedMs: 0, replay: false })
    expect(binary?.text).toBe('ff00')
    expect(binary?.incoming.headers).toEqual({ raw: 'é' })
    expect(binary?.incoming.orderingKey).toBeUndefined()
    expect(json?.incoming.json()).toEqual({ n: 1 })
  })
})

describe('stopping', () => {
  it('consumes nothing on a signal that has aborted, and stops on one that aborts', async () => {
    const { send, consume } = await lab()
    await send(numbered(5))
    const handler = acking()
    const consumption = await consume(handler, { startFrom: 'earliest', signal: AbortSignal.abort() })
    expect(consumption.status).toBe('stopped')
    await consumption.done
    expect(handler.seen).toEqual([])

    const controller = new AbortController()
    const running = await consume(handler, { startFrom: 'earliest', signal: controller.signal })
    await until('they are handled', () => handler.seen.length === 5)
    controller.abort()
    await running.done
    expect(running.status).toBe('stopped')
  })

  it('settles what runs until it is closed, commits it, and starts nothing more', async () => {
    const { send, consume, committed } = await lab()
    const slow = gate()
    const handler = makeHandler(async ({ delivery }) => {
      await slow.opened
      await delivery.ack()
    })
    await send(numbered(10))
    const consumption = await consume(handler, { startFrom: 'earliest', concurrency: 3, graceMs: 10_000 })
    await until('some run', () => handler.seen.length === 3)
    const stopped = consumption.stop()
    expect(consumption.status).toBe('stopping')
    expect(handler.seen.every(({ delivery }) => delivery.signal.aborted)).toBe(true)
    slow.open()
    await stopped
    expect(handler.seen.length).toBe(3)
    expect(await committed()).toEqual([3])
  })

  it('leaves nothing behind that keeps the process alive', async () => {
    const { send, transport } = await lab()
    const handler = makeHandler(({ delivery, text }) => (text === 'm0' ? delivery.postpone(60_000, marksOf(delivery)) : delivery.ack()))
    const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'Timeout').length
    await send(numbered(5))
    const before = count()
    const consuming = transport({ startFrom: 'earliest' })
    const consumption = await consuming.consume(handler, {})
    await until('they are handled', () => handler.seen.length === 5)
    expect(count()).toBeGreaterThan(before)
    await consumption.stop()
    await until('all is closed', () => count() <= before, 3_000)
  })

  it('is done in time though a handler hangs, whose message comes again', async () => {
    const { send, consume } = await lab()
    await send(numbered(3))
    const hanging = makeHandler(() => new Promise(() => undefined))
    const consumption = await consume(hanging, { startFrom: 'earliest', graceMs: 500 })
    await until('they run', () => hanging.seen.length === 3)
    const begun = Date.now()
    await consumption.stop()
    expect(Date.now() - begun).toBeLessThan(5_000)
    const second = acking()
    await consume(second)
    await until('they come again', () => second.seen.length === 3)
  })
})

describe('publishing', () => {
  it('publishes without consuming, with keys and ids', async () => {
    const { transport, topic, read } = await lab()
    await using publisher = transport()
    await publisher.publish([
      { destination: topic, body: 'text', orderingKey: 'a', id: 'id-1', headers: { trace: 'abc' } },
      { destination: topic, body: new Uint8Array([1, 2, 3]).subarray(1) },
    ])
    const found = await read(topic)
    expect(new Map(found.map(({ key, value }) => [key, value]))).toEqual(
      new Map([
        ['a', 'text'],
        [undefined, '\u0002\u0003'],
      ]),
    )
    const headers = found.find(({ key }) => key === 'a')?.headers ?? {}
    expect(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))).toEqual({
      trace: 'abc',
      'hapax-id': 'id-1',
    })
  })

  it('does not let a message that is refused fail others that travel with it', async () => {
    const { transport, topic, read } = await lab()
    const publisher = transport()
    const large = { destination: topic, body: Buffer.alloc(3_000_000) }
    const results = await Promise.allSettled([
      ...numbered(20).map(({ value }) => publisher.publish([{ destination: topic, body: value }])),
      publisher.publish([large]),
      publisher.publish([{ destination: 'nowhere', body: 'x' }]),
      // @ts-expect-error: a header that cannot be written
      publisher.publish([{ destination: topic, body: 'x', headers: { bad: 5 } }]),
      ...numbered(20).map(({ value }) => publisher.publish([{ destination: topic, body: value }])),
    ])
    expect(results.filter(({ status }) => status === 'rejected').length).toBe(3)
    expect((await read(topic)).length).toBe(40)
    await publisher.close()
    await expect(publisher.publish([large])).rejects.toThrow()
  })
})

describe('options', () => {
  it('refuses what cannot be, naming a good value', async () => {
    const { kafka } = await lab()
    const make = (options: object) => () => kafkaTransport(kafka(), { groupId: 'g', topic: 't', decode: () => '', ...options })
    expect(make({ delayStepsMs: [10, 5] })).toThrow('delayStepsMs must be in ascending order')
    expect(make({ delayStepsMs: [] })).toThrow('delayStepsMs')
    expect(make({ maxAhead: 0 })).toThrow('maxAhead must be a whole number of at least 1')
    expect(make({ startFrom: 'now' })).toThrow("startFrom must be one of 'earliest', 'latest'")
    expect(make({ rebalanceTimeoutMs: 100 })).toThrow('rebalanceTimeoutMs')
    expect(make({ decode: undefined })).toThrow('decode')
    expect(() => kafkaTransport({} as never, { groupId: 'g', topic: 't', decode: () => '' })).toThrow('new Kafka')
  })
})
