import { afterEach, describe, expect, it } from 'vitest'
import { copyHeaders, encodeKey, systemClock } from 'hapax'
import { makeHandler, marksOf, openLab, sleep, until, type Lab, type LabOptions } from './kafka-lab.js'

const labs: Lab[] = []
const lab = async (options?: LabOptions): Promise<Lab> => {
  const opened = await openLab(options)
  labs.push(opened)
  return opened
}
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})
const acking = (): ReturnType<typeof makeHandler> => makeHandler(({ delivery }) => delivery.ack())
const asText = (headers: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
/** Headers of a copy as this group writes them. */
const believed = ({ topic }: Lab, dueInMs: number): Record<string, string> => ({
  ...copyHeaders(
    { scope: 'test.scope', key: 'k', attempts: 2, postponements: 3, replay: false },
    { origin: { destination: topic, position: '0/17' }, nowEpochMs: Date.now(), sinceEpochMs: Date.now() - 5_000 },
    dueInMs,
  ),
})

describe('postponing', () => {
  it('brings a message back after its delay, not before, with its marks', async () => {
    const it = await lab({ partitions: 2 })
    const postponedAt: number[] = []
    const handler = makeHandler(async ({ delivery }) => {
      const runs = postponedAt.push(Date.now())
      if (runs === 1) return delivery.postpone(1_500, marksOf(delivery, { attempts: 1 }))
      if (runs === 2) return delivery.postpone(300, marksOf(delivery, { postponements: 4 }))
      await delivery.ack()
    })
    await it.send([{ value: 'm', key: 'key' }])
    await it.consume(handler, { startFrom: 'earliest' })
    await until('it came three times', () => handler.seen.length === 3)
    const [first, second, third] = handler.seen
    expect(second?.delivery).toMatchObject({ attempts: 1, postponements: 0, redelivered: undefined, replay: false })
    expect(third?.delivery).toMatchObject({ attempts: 1, postponements: 4, redelivered: undefined })
    expect(postponedAt[1]! - postponedAt[0]!).toBeGreaterThanOrEqual(1_500)
    expect(postponedAt[1]! - postponedAt[0]!).toBeLessThan(2_900)
    expect(postponedAt[2]! - postponedAt[1]!).toBeGreaterThanOrEqual(300)
    expect(third?.delivery.waitedMs).toBeGreaterThanOrEqual(1_800)
    expect(third?.incoming.origin).toEqual(first?.incoming.origin)
    expect(third?.incoming.orderingKey).toBe('key')
    expect(Object.keys(third?.incoming.headers ?? {})).toEqual([])
    await until('both are committed', async () => {
      const main = await it.committed()
      const retries = await it.committed(`${it.groupId}.retry`, `${it.topic}.${it.groupId}.retry.3000`)
      return Math.max(...main) === 1 && Math.max(...retries) === 1
    })
  })

  it('keeps keys, binary and repeated headers, tombstones and ids, and no marks of others', async () => {
    const it = await lab()
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(10, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    const raw = Buffer.from([0xff, 0xfe, 0x00])
    const old = String(Date.now() - 30 * 86_400_000)
    await it.send([
      {
        key: raw,
        value: null,
        timestamp: old,
        headers: { raw, twice: ['one', raw], 'hapax-id': 'id', 'hapax-attempts': '9', 'hapax-mine': 'forged', 'hapax-scope': 'test.scope' },
      },
    ])
    await it.consume(handler, { startFrom: 'earliest' })
    await until('it came back', () => handler.seen.length === 2)
    expect(handler.seen[0]?.delivery.attempts).toBe(0)
    expect(handler.seen[1]?.incoming.bytes.length).toBe(0)
    const [copy] = await it.read(`${it.topic}.${it.groupId}.retry.1000`)
    const { raw: copiedRaw, twice, ...text } = copy?.headers ?? {}
    expect(copiedRaw).toEqual(raw)
    expect(twice).toEqual([Buffer.from('one'), raw])
    expect(copy?.value).toBeUndefined()
    expect(asText(text)).toMatchObject({ 'hapax-id': 'id', 'hapax-attempts': '1', 'hapax-timestamp': old, 'hapax-position': '0/0' })
    expect(asText(text)).not.toHaveProperty('hapax-mine')
    // With the old timestamp the retention of the retry topic would delete it.
    expect(Date.now() - (copy?.timestamp ?? 0)).toBeLessThan(60_000)
  })

  it('lets copies of one topic wait each on its own', async () => {
    const it = await lab()
    const handler = makeHandler(({ delivery, text }) =>
      delivery.attempts > 0 ? delivery.ack() : delivery.postpone(text === 'm0' ? 2_900 : 1_100, marksOf(delivery, { attempts: 1 })),
    )
    await it.send(Array.from({ length: 20 }, (_, n) => ({ value: `m${n}`, key: 'same' })))
    await it.consume(handler, { startFrom: 'earliest', maxAhead: 100 })
    await until('all came back', () => handler.seen.length === 40)
    expect(handler.seen.at(-1)?.text).toBe('m0')
  })

  it('waits at most the step, whatever the due time says, and not at all where it says nothing', async () => {
    const it = await lab()
    const handler = acking()
    await it.consume(handler)
    const topic = `${it.topic}.${it.groupId}.retry.1000`
    const sentAt = Date.now()
    await it.send([{ topic, value: 'skewed', headers: believed(it, 3_600_000) }])
    await until('it came', () => handler.seen.length === 1)
    expect(handler.seen[0]!.at - sentAt).toBeGreaterThanOrEqual(990)
    expect(handler.seen[0]?.delivery).toMatchObject({ attempts: 2, postponements: 3 })
    expect(handler.seen[0]?.delivery.waitedMs).toBeGreaterThanOrEqual(5_990)
    expect(handler.seen[0]?.incoming.origin).toEqual({ destination: it.topic, position: '0/17' })
    await it.send([{ topic, value: 'no due time', headers: { ...believed(it, 5_000), 'hapax-due': 'soon' } }])
    await until('it came', () => handler.seen.length === 2, 2_000)
  })

  it('believes no stranger in a retry topic, but the copy that is made of it', async () => {
    const it = await lab()
    const handler = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(100, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await it.consume(handler)
    const topic = `${it.topic}.${it.groupId}.retry.3000`
    await it.send([
      { topic, value: 'stranger', headers: { ...believed(it, 10_000), 'hapax-scope': encodeKey('other.scope') } },
      { topic, value: 'bare' },
    ])
    await until('both came, and came back', () => handler.seen.length === 4)
    expect(handler.seen.map(({ text, delivery }) => `${text} ${delivery.attempts}`).toSorted()).toEqual([
      'bare 0',
      'bare 1',
      'stranger 0',
      'stranger 1',
    ])
    expect(handler.seen[0]?.incoming.origin.destination).toBe(topic)
  })

  it('reads the retry topics of steps that are configured no longer', async () => {
    const it = await lab()
    const first = makeHandler(({ delivery }) => delivery.postpone(2_000, marksOf(delivery, { attempts: 1 })))
    await it.send([{ value: 'm' }])
    const consumption = await it.consume(first, { startFrom: 'earliest', delayStepsMs: [2_000] })
    await until('it is postponed', async () => (await it.committed())[0] === 1)
    await consumption.stop()
    const second = acking()
    await it.consume(second, { delayStepsMs: [500] })
    await until('it came', () => second.seen.length === 1)
    expect(second.seen[0]?.delivery.attempts).toBe(1)
  })

  it('goes on when the retry topic of such a step is deleted, and reads one that is created by others', async () => {
    const it = await lab()
    const topic = (stepMs: number): string => `${it.topic}.${it.groupId}.retry.${stepMs}`
    await it.create(topic(7_000))
    const handler = acking()
    // It looks once a minute: too long for a test.
    const clock = { ...systemClock, schedule: (ms: number, wake: () => void) => systemClock.schedule(ms === 60_000 ? 1_500 : ms, wake) }
    await it.consume(handler, { clock })
    await it.publish([{ destination: topic(7_000), body: 'one' }])
    await until('it came', () => handler.seen.length === 1)
    await it.admin.deleteTopics({ topics: [topic(7_000)] })
    await sleep(1_000)
    await it.publish([{ destination: topic(1_000), body: 'two' }])
    await until('it came', () => handler.seen.length === 2)
    await it.create(topic(8_000))
    await it.publish([{ destination: topic(8_000), body: 'three' }])
    await until('it came', () => handler.seen.length === 3)
    expect(handler.seen.map(({ text }) => text)).toEqual(['one', 'two', 'three'])
  })

  it('loses no copy when members come and go while it waits', async () => {
    const it = await lab({ partitions: 4 })
    const handlers = [0, 1, 2].map(() =>
      makeHandler(({ delivery }) =>
        delivery.attempts === 0 ? delivery.postpone(3_000, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
      ),
    )
    const back = (): Map<string, number> => {
      const times = new Map<string, number>()
      for (const { text, delivery } of handlers.flatMap(({ seen }) => seen)) {
        if (delivery.attempts === 1) times.set(text, (times.get(text) ?? 0) + 1)
      }
      return times
    }
    await it.send(Array.from({ length: 40 }, (_, n) => ({ value: `m${n}`, key: `k${n}` })))
    const sentAt = Date.now()
    const first = await it.consume(handlers[0]!, { startFrom: 'earliest' })
    await until('all are postponed', () => handlers[0]!.seen.length >= 40)
    await it.consume(handlers[1]!, { startFrom: 'earliest' })
    await first.stop()
    await it.consume(handlers[2]!, { startFrom: 'earliest' })
    await until('all came back', () => back().size === 40)
    const early = handlers.flatMap(({ seen }) => seen).filter(({ delivery, at }) => delivery.attempts === 1 && at - sentAt < 3_000)
    expect(early).toEqual([])
  })

  it('brings copies back to whoever knows their step', async () => {
    const it = await lab({ partitions: 2 })
    const older = acking()
    await it.consume(older, { delayStepsMs: [1_000] })
    const newer = makeHandler(({ delivery }) =>
      delivery.attempts === 0 ? delivery.postpone(1_500, marksOf(delivery, { attempts: 1 })) : delivery.ack(),
    )
    await it.consume(newer, { delayStepsMs: [1_000, 1_500] })
    await it.send(Array.from({ length: 20 }, (_, n) => ({ value: `m${n}`, key: `k${n}` })))
    const postponed = (): number => newer.seen.filter(({ delivery }) => delivery.attempts === 0).length
    await until(
      'all are handled or came back',
      () => older.seen.length + newer.seen.length >= 20 + postponed() && older.seen.length + postponed() >= 20,
    )
    expect(postponed()).toBeGreaterThan(0)
  })

  it('publishes nothing for a message that was taken away', async () => {
    const it = await lab()
    const held: (() => Promise<void>)[] = []
    const handler = makeHandler(
      ({ delivery }) =>
        new Promise<void>((resolve) => {
          held.push(() => delivery.postpone(10, marksOf(delivery, { attempts: 1 })).then(resolve))
        }),
    )
    await it.send([{ value: 'm' }])
    const consumption = await it.consume(handler, { startFrom: 'earliest', graceMs: 0 })
    await until('it runs', () => held.length === 1)
    await consumption.stop()
    await held[0]?.()
    expect(await it.read(`${it.topic}.${it.groupId}.retry.1000`)).toEqual([])
  })
})

describe('dead letters', () => {
  it('keep key, value, headers and reason, and are acked by whoever made them', async () => {
    const it = await lab()
    const raw = Buffer.from([0xff])
    const handler = makeHandler(async ({ delivery }) => {
      if (delivery.attempts === 0) return delivery.postpone(1, marksOf(delivery, { attempts: 1 }))
      await delivery.deadLetter('it is\nbroken', marksOf(delivery, { attempts: 5, key: 'order 17' }))
      expect(await it.read(`${it.topic}.${it.groupId}.dlt`)).toHaveLength(1)
      await sleep(1_500)
      expect(await it.committed(`${it.groupId}.retry`, `${it.topic}.${it.groupId}.retry.1000`)).toEqual([0])
      await delivery.ack()
    })
    await it.send([{ key: 'k', value: 'body', headers: { raw, 'hapax-reason': 'forged' }, timestamp: '1700000000000' }])
    await it.consume(handler, { startFrom: 'earliest' })
    await until('it is acked', async () => (await it.committed(`${it.groupId}.retry`, `${it.topic}.${it.groupId}.retry.1000`))[0] === 1)
    const [letter] = await it.read(`${it.topic}.${it.groupId}.dlt`)
    expect(letter).toMatchObject({ key: 'k', value: 'body' })
    expect(letter?.headers['raw']).toEqual(raw)
    expect(asText(letter?.headers ?? {})).toMatchObject({
      'hapax-reason': 'it is broken',
      'hapax-key': 'order%2017',
      'hapax-attempts': '5',
      'hapax-origin': it.topic,
      'hapax-position': '0/0',
      'hapax-timestamp': '1700000000000',
    })
    expect(handler.troubles).toEqual([])
  })
})
