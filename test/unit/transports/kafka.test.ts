import { describe, expect, it } from 'vitest'
import { manualClock } from '../../../testing/manual-clock.js'
import { byTopic, inRuns } from '../../../adapters/transports/kafka/batches.js'
import { fairAssigner } from '../../../adapters/transports/kafka/assigner.js'
import { copiedHeaders, textHeaders } from '../../../adapters/transports/kafka/headers.js'
import { asRefusal, faultOf, isHopeless } from '../../../adapters/transports/kafka/faults.js'
import { openDueTimes } from '../../../adapters/transports/kafka/due-times.js'
import { openLanes } from '../../../adapters/transports/kafka/lanes.js'
import { openTopicNames } from '../../../adapters/transports/kafka/topic-names.js'
import { openWatermark } from '../../../adapters/transports/kafka/watermark.js'
import type { Held } from '../../../adapters/transports/kafka/held.js'

const entry = (offset: bigint): { offset: bigint; done: boolean } => ({ offset, done: false })

const held = (offset: number, key: Buffer | null): Held => ({
  message: { key, value: null, timestamp: '0', offset: String(offset) },
  offset: BigInt(offset),
  takenAt: 0,
  done: false,
  startedAt: undefined,
  again: false,
  lane: undefined,
  behind: undefined,
  delivery: undefined,
})

describe('watermark', () => {
  it('stands at the oldest unfinished one, over gaps and beyond safe integers', () => {
    const watermark = openWatermark<ReturnType<typeof entry>>()
    expect(watermark.position).toBeUndefined()
    const base = 2n ** 60n
    const entries = [base, base + 1n, base + 5n, base + 6n].map(entry)
    for (const each of entries) watermark.add(each)
    watermark.reach(base + 9n)
    const finish = (index: number): void => {
      entries[index]!.done = true
      watermark.advance()
    }
    finish(1)
    expect(watermark.position).toBe(base)
    finish(0)
    expect(watermark.position).toBe(base + 5n)
    finish(3)
    expect(watermark.position).toBe(base + 5n)
    finish(2)
    expect(watermark.position).toBe(base + 9n)
    expect(watermark.next).toBe(base + 9n)
    watermark.reach(base)
    expect(watermark.next).toBe(base + 9n)
  })

  it('keeps numbers when it drops what is finished', () => {
    const watermark = openWatermark<ReturnType<typeof entry>>()
    const entries = Array.from({ length: 10_000 }, (_, n) => entry(BigInt(n * 2)))
    for (const each of entries) watermark.add(each)
    for (let n = 0; n < 9_000; n += 1) {
      entries[n]!.done = true
      watermark.advance()
      expect(watermark.begin).toBe(n + 1)
    }
    expect(watermark.end).toBe(10_000)
    expect(watermark.at(9_500)).toBe(entries[9_500])
    expect(watermark.at(3)).toBeUndefined()
    expect(watermark.position).toBe(18_000n)
  })
})

describe('lanes', () => {
  it('starts one of each key, byte for byte, and all without a key', () => {
    const started: bigint[] = []
    const lanes = openLanes(({ offset }) => started.push(offset))
    const all = [
      held(0, Buffer.from([0xff])),
      held(1, Buffer.from([0xfe])),
      held(2, Buffer.from([0xff])),
      held(3, null),
      held(4, null),
      held(5, Buffer.from('')),
      held(6, Buffer.from('')),
      held(7, Buffer.from([0xff])),
    ]
    for (const each of all) lanes.add(each)
    expect(started).toEqual([0n, 1n, 3n, 4n, 5n])
    lanes.over(all[0]!)
    lanes.over(all[3]!)
    lanes.over(all[5]!)
    expect(started.slice(5)).toEqual([2n, 6n])
    lanes.over(all[2]!)
    lanes.over(all[7]!)
    lanes.add(held(8, Buffer.from([0xff])))
    expect(started.slice(7)).toEqual([7n, 8n])
  })
})

describe('due times', () => {
  it('let each start when it is due, never before, and leave no timer behind', async () => {
    const clock = manualClock()
    const due = new Map<bigint, number>()
    const started: string[] = []
    const waits = openDueTimes(
      clock,
      ({ offset }) => due.get(offset) ?? 0,
      ({ offset }) => started.push(`${offset} at ${clock.now() - begun}`),
    )
    const begun = clock.now()
    for (const [offset, ms] of [500, 200, 200, 0, 900, 100].entries()) {
      due.set(BigInt(offset), begun + ms)
      waits.add(held(offset, null))
    }
    expect(started).toEqual(['3 at 0'])
    await clock.advance(99)
    expect(started).toHaveLength(1)
    await clock.advance(500)
    expect(started).toEqual(['3 at 0', '5 at 100', '1 at 200', '2 at 200', '0 at 500'])
    expect(clock.pending()).toBe(1)
    waits.close()
    expect(clock.pending()).toBe(0)
  })
})

describe('topic names', () => {
  const steps = [1_000, 10_000]
  it('belong to topic, group and step', () => {
    const names = openTopicNames({ topic: 'orders', groupId: 'billing', delayStepsMs: steps })
    expect(names.retries.map(({ topic }) => topic)).toEqual(['orders.billing.retry.1000', 'orders.billing.retry.10000'])
    expect(names.deadLetter).toBe('orders.billing.dlt')
    expect([0, 1_000, 1_001, 99_999].map((delayMs) => names.retryFor(delayMs))).toEqual(
      [1_000, 1_000, 10_000, 10_000].map((stepMs) => `orders.billing.retry.${stepMs}`),
    )
    expect(names.stepOf('orders.billing.retry.777')).toBe(777)
    for (const other of ['orders', 'orders.billing.retry.', 'orders.billing.retry.1x', 'orders.other.retry.1000', 'orders.billing.dlt']) {
      expect(names.stepOf(other)).toBeUndefined()
    }
  })
  it('are refused where Kafka would refuse them, or where they would swallow each other', () => {
    const open = (options: object) => () => openTopicNames({ topic: 'orders', groupId: 'billing', delayStepsMs: steps, ...options })
    expect(open({ groupId: 'billing v2' })).toThrow("retryTopicPrefix: 'orders.billing-v2'")
    expect(open({ groupId: 'billing v2', retryTopicPrefix: 'orders.v2' })).not.toThrow()
    expect(open({ topic: 'a/b' })).toThrow("topic must be a topic's name")
    expect(open({ topic: '..' })).toThrow('topic')
    expect(open({ retryTopicPrefix: 'x'.repeat(240) })).toThrow('at most 249 characters')
    expect(open({ deadLetterTopic: 'orders' })).toThrow('deadLetterTopic')
    expect(open({ deadLetterTopic: 'orders.billing.retry.5' })).toThrow('deadLetterTopic')
    expect(open({ topic: 'x.retry.5', retryTopicPrefix: 'x' })).toThrow('retryTopicPrefix')
    expect(open({ delayStepsMs: [1_000, 1_000] })).toThrow('ascending')
    expect(open({ delayStepsMs: [0] })).toThrow('delayStepsMs')
  })
})

describe('headers', () => {
  it('are text for handlers, and stay bytes on copies', () => {
    const raw = Buffer.from([0xff])
    const headers = JSON.parse('{"__proto__": "kept"}') as Record<string, string>
    expect(Object.entries(textHeaders({ ...headers, raw, list: [Buffer.from('a'), 'b'], empty: [], none: null, gone: undefined }))).toEqual(
      [
        ['__proto__', 'kept'],
        ['raw', '\ufffd'],
        ['list', 'a'],
        ['none', ''],
      ],
    )
    expect(copiedHeaders({ raw, list: [raw, 'b'], 'hapax-due': '1', 'hapax-id': 'id' }, { 'hapax-due': '2' })).toEqual({
      raw: [raw],
      list: [raw, 'b'],
      'hapax-id': ['id'],
      'hapax-due': '2',
    })
  })
})

describe('faults', () => {
  const protocol = (type: string, retriable: boolean): object => ({
    name: 'KafkaJSNumberOfRetriesExceeded',
    cause: { name: 'KafkaJSProtocolError', type, retriable },
  })
  it('are told apart by their causes', () => {
    expect(faultOf(protocol('MESSAGE_TOO_LARGE', false))).toBe('message')
    expect(faultOf(protocol('UNKNOWN_TOPIC_OR_PARTITION', true))).toBe('topic')
    expect(faultOf({ name: 'KafkaJSNonRetriableError', cause: new TypeError('no text') })).toBe('message')
    expect(faultOf({ name: 'KafkaJSNonRetriableError', cause: { name: 'KafkaJSConnectionError' } })).toBe('connection')
    expect(faultOf(undefined)).toBe('connection')
    expect(isHopeless(protocol('GROUP_AUTHORIZATION_FAILED', false))).toBe(true)
    expect(isHopeless(protocol('REBALANCE_IN_PROGRESS', false))).toBe(false)
  })
  it('are refusals where the message or its topic is at fault, and nothing that may pass is', () => {
    const told = (error: unknown): unknown => (asRefusal(error) as { readonly code?: unknown } | undefined)?.code
    const final = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TOPIC_EXCEPTION', 'TOPIC_AUTHORIZATION_FAILED']
    for (const type of final) expect(told(protocol(type, false)), type).toBe('publish-refused')
    expect(told(protocol('UNKNOWN_TOPIC_OR_PARTITION', true))).toBe('publish-refused')
    const unwritable = Object.assign(new TypeError('no text'), { code: 'ERR_INVALID_ARG_TYPE' })
    expect(asRefusal(unwritable)).toMatchObject({ code: 'publish-refused', cause: unwritable })
    const passing = [
      'NOT_LEADER_FOR_PARTITION',
      'NOT_ENOUGH_REPLICAS',
      'REQUEST_TIMED_OUT',
      'UNKNOWN',
      'KAFKAJS_UNKNOWN_ERROR_CODE',
      'CORRUPT_MESSAGE',
    ]
    for (const type of passing) expect(asRefusal(protocol(type, true))).toEqual(protocol(type, true))
    for (const error of [
      new TypeError("Cannot read properties of undefined (reading 'nodeId')"),
      { name: 'KafkaJSConnectionError' },
      undefined,
    ])
      expect(asRefusal(error)).toBe(error)
  })
})

describe('batches', () => {
  const message = (value: string) => ({ key: null, value, headers: {} })
  it('are cut by number and by size, and lose nothing', () => {
    const many = Array.from({ length: 1_201 }, (_, index) => message(`m${index}`))
    const runs = [...inRuns(many)].map(({ messages }) => messages)
    expect(runs.map(({ length }) => length)).toEqual([500, 500, 201])
    expect(runs.flat()).toEqual(many)
    const large = ['a', 'b', 'c'].map((text) => message(text.repeat(240_000)))
    expect([...inRuns([...large, message('x'.repeat(900_000)), message('d')])].map(({ messages }) => messages.length)).toEqual([2, 1, 1, 1])
    expect([...inRuns([])]).toEqual([])
  })
  it('keep the order of each topic', () => {
    const [a, b, c] = [message('a'), message('b'), message('c')]
    const runs = [
      { topic: 'one', messages: [a] },
      { topic: 'two', messages: [b] },
      { topic: 'one', messages: [b, c] },
    ]
    expect(byTopic(runs)).toEqual([
      { topic: 'one', messages: [a, b, c] },
      { topic: 'two', messages: [b] },
    ])
    expect(runs[0]?.messages).toEqual([a])
  })
})

describe('assigner', () => {
  const counts: Record<string, number> = { a: 5, b: 3, gone: 0 }
  const partitionsOf = (topic: string) => Array.from({ length: counts[topic] ?? 0 }, (_, partitionId) => ({ partitionId }))
  const cluster = {
    metadata: ({ topics: [topic = ''] }: { topics: string[] }) =>
      topic === 'gone'
        ? Promise.reject(new Error('gone'))
        : Promise.resolve({ topicMetadata: [{ topic, partitionMetadata: partitionsOf(topic) }] }),
    refreshMetadata: () => Promise.resolve(),
    findTopicPartitionMetadata: partitionsOf,
  }
  it('gives each member only what it subscribes to, evenly', async () => {
    const { AssignerProtocol } = (await import('kafkajs')).default
    const assigner = fairAssigner(cluster)
    const member = (memberId: string, topics: string[]) => ({ memberId, memberMetadata: assigner.protocol({ topics }).metadata })
    expect(AssignerProtocol.MemberMetadata.decode(member('x', ['a', 'b']).memberMetadata)).toMatchObject({ version: 0, topics: ['a', 'b'] })
    const assigned = await assigner.assign({ members: [member('m1', ['a']), member('m2', ['a', 'b', 'gone'])], topics: ['a'] })
    const shares = new Map(
      assigned.map(({ memberId, memberAssignment }) => [memberId, AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment]),
    )
    expect(shares.get('m1')).toEqual({ a: [0, 2, 4] })
    expect(shares.get('m2')).toEqual({ a: [1, 3], b: [0, 1, 2] })
    const strange = await assigner.assign({ members: [{ memberId: 'm1', memberMetadata: Buffer.from([1]) }], topics: ['b'] })
    expect(AssignerProtocol.MemberAssignment.decode(strange[0]!.memberAssignment)?.assignment).toEqual({ b: [0, 1, 2] })
  })
})
