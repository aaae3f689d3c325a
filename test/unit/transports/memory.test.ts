import { describe, expect, test } from 'vitest'
import { idempotent, openRuntime } from '../../../src/index.js'
import { memoryStore } from '../../../adapters/stores/memory.js'
import { memoryBroker, memoryTransport } from '../../../adapters/transports/memory.js'
import { manualClock } from '../../../testing/manual-clock.js'
import { seededRandom } from '../../../testing/seeded-random.js'
import { ackAll, marksOf, scriptedHandler } from '../../../testing/transports/scripted-handler.js'
import type { Delivery, Outcome } from '../../../src/index.js'
import type { BrokerFaults, MemoryTransportOptions } from '../../../adapters/transports/memory.js'
import type { Script } from '../../../testing/transports/scripted-handler.js'

const place = { topic: 'orders', groupId: 'billing' }

function open(faults: BrokerFaults = {}, seed = 1) {
  const clock = manualClock()
  const broker = memoryBroker({ clock, random: seededRandom(seed), faults })
  const consume = async (script: Script = ackAll, options: Partial<MemoryTransportOptions<string>> = {}) => {
    const handler = scriptedHandler({ clock, retryDelaysMs: [1_000], scope: 'suite', script, check: () => Promise.resolve() })
    const transport = memoryTransport(broker, { ...place, decode: (incoming) => incoming.text(), ...options })
    const consumption = await transport.consume(handler, { graceMs: 0 })
    return { handler, consumption, stop: () => Promise.all([consumption.stop(), clock.advance(3_000)]) }
  }
  const publish = (...bodies: readonly string[]) => broker.publish(bodies.map((body) => ({ destination: 'orders', body })))
  return { clock, broker, consume, publish }
}

const counted = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `m${index}`)

test('options that cannot be are refused by name', async () => {
  const broker = memoryBroker()
  const decode = (): string => ''
  expect(() => memoryBroker({ faults: { loseAck: 2 } })).toThrow('faults.loseAck must be a number from 0 to 1, and is 2')
  expect(() => broker.setFaults({ deliveryDelayMs: -1 })).toThrow('faults.deliveryDelayMs')
  expect(() => memoryTransport({ ...broker }, { ...place, decode })).toThrow('a broker made by memoryBroker')
  expect(() => memoryTransport(broker, { ...place, topic: '', decode })).toThrow('topic must be')
  expect(() => memoryTransport(broker, { ...place, groupId: '', decode })).toThrow('groupId must be')
  expect(() => memoryTransport(broker, { ...place, decode, concurrency: 0 })).toThrow('concurrency must be')
  expect(() => memoryTransport(broker, { ...place, decode, concurrency: 4, prefetch: 3 })).toThrow('prefetch must be')
  expect(() => memoryTransport(broker, { ...place, decode, delayStepsMs: [] })).toThrow('delayStepsMs must be')
  expect(() => memoryTransport(broker, { ...place, decode, clock: {} as never })).toThrow('clock must be')
  await expect(broker.publish([{ destination: '', body: '' }])).rejects.toThrow('destination must be')
  await expect(broker.publish([{ destination: 'orders', body: 3 as never }])).rejects.toThrow('body must be')
})

test("nothing is delivered inside the stack of publish, and bodies are the broker's own", async () => {
  const { clock, broker, consume } = open()
  const { handler } = await consume()
  const body = Uint8Array.of(97)
  const publishing = broker.publish([{ destination: 'orders', body }])
  expect(handler.texts).toEqual([])
  body[0] = 98
  await publishing
  await clock.settle()
  expect(handler.texts).toEqual(['a'])
})

test('members share evenly, and prefetch bounds what each has in hand', async () => {
  const { clock, broker, consume, publish } = open()
  const one = await consume(() => undefined, { concurrency: 3, prefetch: 3 })
  const two = await consume(() => undefined, { concurrency: 3, prefetch: 3 })
  await publish(...counted(10))
  await clock.settle()
  expect([one.handler.seen.length, two.handler.seen.length]).toEqual([3, 3])
  expect(broker.depth(place)).toEqual({ waiting: 4, unsettled: 6, delayed: 0, deadLetters: 0 })
})

test('a copy that waits keeps no timer while nobody consumes', async () => {
  const { clock, broker, consume, publish } = open()
  const { stop } = await consume((delivery) => delivery.postpone(60_000, marksOf()))
  await publish('a')
  await clock.settle()
  expect(clock.pending()).toBe(1)
  await stop()
  expect(clock.pending()).toBe(0)
  await clock.advance(60_000)
  const { handler } = await consume()
  await clock.advance(0)
  expect(handler.texts).toEqual(['a'])
  expect(broker.depth(place)).toEqual({ waiting: 0, unsettled: 0, delayed: 0, deadLetters: 0 })
})

test("the grace time of a stop is counted by the process's own clock", async () => {
  const { clock: brokersClock, broker, publish } = open()
  const ownClock = manualClock()
  const graceOver: boolean[] = []
  const handler = scriptedHandler({
    clock: ownClock,
    retryDelaysMs: [1_000],
    scope: 'suite',
    check: () => Promise.resolve(),
    script: (_, session) =>
      new Promise((resolve) => session?.graceOver.addEventListener('abort', () => resolve(void graceOver.push(true)))),
  })
  const transport = memoryTransport(broker, { ...place, decode: (incoming) => incoming.text(), clock: ownClock })
  const consumption = await transport.consume(handler, { graceMs: 5_000 })
  await publish('a')
  await brokersClock.settle()
  const stopped = consumption.stop()
  await brokersClock.advance(5_000)
  expect([consumption.status, graceOver]).toEqual(['stopping', []])
  await ownClock.advance(5_000)
  await stopped
  expect([consumption.status, graceOver]).toEqual(['stopped', [true]])
})

test('delay steps round up, and the longest is the limit', async () => {
  const { clock, consume, publish } = open()
  const delays = [50, 150, 5_000]
  const script: Script = (delivery) =>
    delivery.attempts ? delivery.ack() : delivery.postpone(delays[Number(delivery.incoming.text())] ?? 0, marksOf({ attempts: 1 }))
  const { handler } = await consume(script, { delayStepsMs: [1_000, 100] })
  await publish('0', '1', '2')
  await clock.advance(1_000)
  expect(handler.seen.slice(3).map(({ text, atMs }) => [text, atMs])).toEqual([
    ['0', 100],
    ['1', 1_000],
    ['2', 1_000],
  ])
})

describe('faults', () => {
  test('duplicate: a message is stored twice', async () => {
    const { clock, consume, publish } = open({ duplicate: 1 })
    const { handler } = await consume()
    await publish('a')
    await clock.settle()
    expect(handler.texts).toEqual(['a', 'a'])
  })

  test('reorder: another order, but not within an ordering key; the same for the same seed', async () => {
    const run = async (seed: number): Promise<readonly string[]> => {
      const { clock, broker, consume } = open({ reorder: 1 }, seed)
      await broker.publish(counted(20).map((body, index) => ({ destination: 'orders', body, ...(index < 5 && { orderingKey: 'k' }) })))
      const { handler } = await consume()
      await clock.settle()
      return handler.texts
    }
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    expect(first).toEqual(again)
    expect(first).not.toEqual(other)
    expect(first).not.toEqual(counted(20))
    expect(first.filter((text) => Number(text.slice(1)) < 5)).toEqual(counted(5))
  })

  test('loseAck: the delivery comes again, and says so', async () => {
    const { clock, broker, consume, publish } = open({ loseAck: 1 })
    const { handler } = await consume((delivery) => {
      if (delivery.redelivered) broker.setFaults({})
      return delivery.ack()
    })
    await publish('a')
    await clock.settle()
    expect(handler.seen.map(({ redelivered }) => redelivered)).toEqual([false, true])
  })

  test('publishFails and publishUnknown: rejected before, and after, it was stored', async () => {
    const { broker, publish } = open({ publishFails: 1 })
    broker.depth(place)
    await expect(publish('a')).rejects.toThrow('publishFails')
    expect(broker.depth(place).waiting).toBe(0)
    broker.setFaults({ publishUnknown: 1 })
    await expect(publish('a')).rejects.toThrow('publishUnknown')
    expect(broker.depth(place).waiting).toBe(1)
  })

  test('copyFails and copyUnknown: nothing is acked either way', async () => {
    const { clock, broker, consume, publish } = open()
    const kept: Delivery<string>[] = []
    await consume((delivery) => void kept.push(delivery))
    await publish('a')
    await clock.settle()
    const [delivery] = kept
    broker.setFaults({ copyFails: 1 })
    await expect(delivery?.postpone(1, marksOf())).rejects.toThrow('copyFails')
    await expect(delivery?.deadLetter('', marksOf())).rejects.toThrow('copyFails')
    expect(broker.depth(place)).toEqual({ waiting: 0, unsettled: 1, delayed: 0, deadLetters: 0 })
    broker.setFaults({ copyUnknown: 1 })
    await expect(delivery?.postpone(1, marksOf())).rejects.toThrow('copyUnknown')
    await expect(delivery?.deadLetter('', marksOf())).rejects.toThrow('copyUnknown')
    expect(broker.depth(place)).toEqual({ waiting: 0, unsettled: 1, delayed: 1, deadLetters: 1 })
  })

  test('deliveryDelayMs: deliveries take their time, and are not lost on their way', async () => {
    const { clock, broker, consume, publish } = open({ deliveryDelayMs: 100 })
    const { handler, stop } = await consume()
    await publish(...counted(20))
    await clock.advance(50)
    expect(handler.seen.length).toBeGreaterThan(0)
    expect(handler.seen.length).toBeLessThan(20)
    await stop()
    expect(clock.pending()).toBe(0)
    const next = await consume()
    await clock.advance(100)
    expect([...handler.texts, ...next.handler.texts].toSorted()).toEqual([...counted(20)].toSorted())
    expect(broker.depth(place).unsettled).toBe(0)
  })
})

describe('losing a consumption', () => {
  test('crash: what it had goes back, what it does has no effect and no answer, and its signals do not fire', async () => {
    const { clock, broker, consume, publish } = open()
    const kept: Delivery<string>[] = []
    const one = await consume((delivery) => void kept.push(delivery), { concurrency: 2, prefetch: 2 })
    await publish('a', 'b', 'c')
    await clock.settle()
    broker.crash(one.consumption)
    let answers = 0
    const count = (): void => void (answers += 1)
    for (const delivery of kept) {
      delivery.ack().then(count, count)
      delivery.postpone(1, marksOf()).then(count, count)
      delivery.deadLetter('', marksOf()).then(count, count)
    }
    await clock.advance(10)
    expect(answers).toBe(0)
    expect(kept.map(({ signal }) => signal.aborted)).toEqual([false, false])
    expect(broker.depth(place)).toEqual({ waiting: 3, unsettled: 0, delayed: 0, deadLetters: 0 })
    const two = await consume()
    await clock.settle()
    expect(two.handler.seen.map(({ text, redelivered }) => [text, redelivered])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false],
    ])
    broker.crash(one.consumption)
    expect(broker.depth(place).waiting).toBe(0)
  })

  test('rebalance: what it had goes to others, its signals fire, settling it does nothing, and it goes on', async () => {
    const { clock, broker, consume, publish } = open()
    const kept: Delivery<string>[] = []
    const one = await consume((delivery) => (kept.length < 2 ? void kept.push(delivery) : delivery.ack()), { concurrency: 4 })
    await publish('a', 'b')
    await clock.settle()
    broker.rebalance(one.consumption)
    expect(kept.map(({ signal }) => signal.aborted)).toEqual([true, true])
    for (const delivery of kept) {
      await delivery.ack()
      await delivery.postpone(1, marksOf())
      await delivery.deadLetter('', marksOf())
    }
    await clock.settle()
    expect(one.handler.seen.map(({ text, redelivered }) => [text, redelivered])).toEqual([
      ['a', false],
      ['b', false],
      ['a', true],
      ['b', true],
    ])
    expect(broker.depth(place)).toEqual({ waiting: 0, unsettled: 0, delayed: 0, deadLetters: 0 })
  })

  test('away: all rejects, nothing is delivered, refused acks come again, and nobody can begin to consume', async () => {
    const { clock, broker, consume, publish } = open()
    const kept: Delivery<string>[] = []
    const one = await consume((delivery) => (delivery.redelivered || kept.length >= 2 ? delivery.ack() : void kept.push(delivery)))
    await publish('a', 'b')
    await clock.settle()
    broker.away(true)
    expect(one.consumption.status).toBe('held')
    await expect(publish('c')).rejects.toThrow('away')
    await expect(kept[0]?.ack()).rejects.toThrow('away')
    await expect(kept[0]?.postpone(1, marksOf())).rejects.toThrow('away')
    await expect(kept[0]?.deadLetter('', marksOf())).rejects.toThrow('away')
    await expect(broker.replay(place)).rejects.toThrow('away')
    await expect(consume()).rejects.toThrow('away')
    broker.away(false)
    expect(one.consumption.status).toBe('running')
    await kept[1]?.ack()
    await publish('d')
    await broker.idle()
    expect(one.handler.texts.toSorted()).toEqual(['a', 'a', 'b', 'd'])
    expect(clock.pending()).toBe(0)
  })
})

describe("with a handler of one's own", () => {
  const work = (options: { readonly fail: (text: string, attempt: number) => boolean; readonly maxAttempts?: number }) => {
    const clock = manualClock()
    const broker = memoryBroker({ clock })
    const outcomes: Outcome[] = []
    const handled: string[] = []
    const handler = idempotent(
      (text: string, { attempt }) => {
        if (options.fail(text, attempt)) throw new Error('card declined')
        handled.push(text)
      },
      {
        store: memoryStore({ clock }),
        scope: 'billing.charge',
        key: (text) => text,
        maxAttempts: options.maxAttempts,
        runtime: openRuntime({ clock }),
        onOutcome: (outcome) => outcomes.push(outcome),
      },
    )
    const transport = memoryTransport(broker, { ...place, decode: (incoming) => incoming.text() })
    return { clock, broker, outcomes, handled, consume: () => transport.consume(handler) }
  }

  test('idle waits for outcomes, and passes time where it is told how', async () => {
    const { clock, broker, outcomes, handled, consume } = work({ fail: (text, attempt) => text === 'b' && attempt < 3 })
    await using consumption = await consume()
    await broker.publish(['a', 'b'].map((body) => ({ destination: 'orders', body })))
    await broker.idle({ passTime: clock.advance })
    await broker.publish([{ destination: 'orders', body: 'a' }])
    await broker.idle({ passTime: clock.advance })
    expect(handled).toEqual(['a', 'b'])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['duplicate', 'handled', 'handled', 'retried', 'retried'])
    expect(clock.now()).toBeGreaterThanOrEqual(11_000)
    await broker.idle()
    expect(consumption.status).toBe('running')
  })

  test('idle does not wait for groups that nobody consumes', async () => {
    const { broker, handled, consume } = work({ fail: () => false })
    await broker.publish([{ destination: 'orders', body: 'a' }])
    await broker.idle()
    const consumption = await consume()
    await broker.idle()
    expect(handled).toEqual(['a'])
    await consumption.stop()
    await broker.publish([{ destination: 'orders', body: 'b' }])
    await broker.idle()
  })

  test('skipDelays makes copies come now', async () => {
    const { clock, broker, consume } = open()
    const script: Script = (delivery) => (delivery.attempts ? delivery.ack() : delivery.postpone(60_000, marksOf({ attempts: 1 })))
    const { handler } = await consume(script)
    await broker.publish([{ destination: 'orders', body: 'a' }])
    await clock.settle()
    expect(broker.depth(place).delayed).toBe(1)
    broker.skipDelays()
    await broker.idle()
    expect([handler.texts, clock.now(), clock.pending()]).toEqual([['a', 'a'], 0, 0])
  })

  test('dead letters can be read and replayed, and a replay begins with nothing counted', async () => {
    let broken = true
    const { clock, broker, outcomes, handled, consume } = work({ fail: () => broken, maxAttempts: 2 })
    await using _ = await consume()
    await broker.publish([{ destination: 'orders', body: '"a"', headers: { trace: '1' }, id: 'message-1', orderingKey: 'k' }])
    await broker.publish([{ destination: 'orders', body: '"b"' }])
    await broker.idle({ passTime: clock.advance })
    const [letter, other] = broker.deadLetters(place)
    expect(letter).toMatchObject({
      reason: 'failed 2 times: card declined',
      scope: 'billing.charge',
      key: '"a"',
      attempts: 2,
      orderingKey: 'k',
    })
    expect(letter?.json()).toBe('a')
    expect(letter?.headers).toMatchObject({ trace: '1', 'hapax-id': 'message-1', 'hapax-reason': 'failed 2 times: card declined' })
    expect(broker.deadLetters({ ...place, groupId: 'other' })).toEqual([])

    broken = false
    outcomes.length = 0
    expect(await broker.replay(place, letter ? [letter] : [])).toBe(1)
    await broker.idle({ passTime: clock.advance })
    expect(handled).toEqual(['"a"'])
    expect(outcomes.map(({ status, attempts }) => [status, attempts])).toEqual([['handled', 0]])
    expect(broker.deadLetters(place)).toEqual([other])
    expect(await broker.replay(place)).toBe(1)
    await broker.idle({ passTime: clock.advance })
    expect([handled, broker.depth(place).deadLetters]).toEqual([['"a"', '"b"'], 0])
  })

  test.for(counted(8).map((_, seed) => seed))('whatever the broker does wrong, once per key (seed %i)', async (seed) => {
    const { clock, broker, handled, consume } = work({ fail: (_, attempt) => attempt < 2 })
    const random = seededRandom(seed)
    broker.setFaults({ duplicate: 0.2, reorder: 0.3, loseAck: 0.2, copyFails: 0.2, copyUnknown: 0.2, deliveryDelayMs: 50 })
    const consumptions = [await consume(), await consume()]
    for (const body of counted(40)) {
      await broker.publish([{ destination: 'orders', body, ...(random.fraction() < 0.3 && { orderingKey: body.slice(-1) }) }])
      const [consumption] = random.fraction() < 0.5 ? consumptions : consumptions.toReversed()
      if (consumption && random.fraction() < 0.2) broker.rebalance(consumption)
      if (random.fraction() < 0.1) {
        broker.away(true)
        await clock.advance(Math.ceil(random.fraction() * 3_000))
        broker.away(false)
      }
      await clock.advance(Math.ceil(random.fraction() * 100))
    }
    broker.setFaults({})
    await broker.idle({ passTime: clock.advance })
    expect(handled.toSorted()).toEqual([...counted(40)].toSorted())
    expect(broker.depth(place)).toEqual({ waiting: 0, unsettled: 0, delayed: 0, deadLetters: 0 })
    for (const consumption of consumptions) await consumption.stop()
    expect(clock.pending()).toBe(0)
  })
})
