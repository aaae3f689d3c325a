import assert from 'node:assert/strict'
import { copyHeaders } from '../../src/index.js'
import { assertHeaders, hasAll, messages, roundingMs, texts } from './stage.js'
import { ackAll, inTurn, marksOf } from './scripted-handler.js'
import type { Cases, TransportBench } from './stage.js'

/** Copies: when and where they come, and what they carry. */
export const postponing: Cases<TransportBench> = {
  async 'a postponed message comes back, not before its delay, with its marks and otherwise as it was'(stage) {
    const { bench, handler, consume, until, shortMs } = stage
    const body = Uint8Array.from({ length: 256 }, (_, index) => index)
    const headers = { 'trace-id': 'trace 1', empty: '' }
    const receiver = handler(inTurn((delivery) => delivery.postpone(shortMs, marksOf({ attempts: 2, postponements: 1 })), ackAll))
    await consume(receiver)
    await bench.publish([{ body, headers, id: 'message-1', orderingKey: 'customer 1' }])
    await until('it has come back', () => receiver.seen.length >= 2)
    const [first, copy] = receiver.seen
    assert.ok(first && copy)
    assert.ok(copy.atMs - first.atMs >= shortMs - roundingMs, `it came after ${copy.atMs - first.atMs} ms`)
    assert.ok(copy.waitedMs >= shortMs - roundingMs, `it says that it waited ${copy.waitedMs} ms`)
    assert.deepEqual([copy.attempts, copy.postponements, copy.replay], [2, 1, false])
    assert.notEqual(copy.redelivered, false, 'a copy is a redelivery')
    assert.deepEqual(Uint8Array.from(copy.incoming.bytes), body)
    assert.equal(copy.incoming.orderingKey, 'customer 1')
    assert.deepEqual(copy.incoming.origin, first.incoming.origin, 'its origin is that of the first delivery')
    for (const { incoming } of [first, copy]) assertHeaders(incoming.headers, { ...headers, 'hapax-id': 'message-1' })
  },

  async 'a postponed message comes back once, and to its own group only'({ bench, handler, consume, until, shortMs, passTime, quietMs }) {
    const one = handler(inTurn((delivery) => delivery.postpone(shortMs, marksOf()), ackAll))
    const two = handler()
    await consume(one, { groupId: 'one' })
    await consume(two, { groupId: 'two' })
    await bench.publish(messages('a'))
    await until('it has come back', () => one.seen.length >= 2)
    await passTime(shortMs + quietMs)
    assert.deepEqual([one.texts, two.texts], [['a', 'a'], ['a']])
  },

  async 'postponed again and again, the marks follow and the waiting adds up'({ bench, handler, consume, until, shortMs }) {
    const receiver = handler(
      inTurn(
        (delivery) => delivery.postpone(shortMs, marksOf({ attempts: 1 })),
        (delivery) => delivery.postpone(shortMs, marksOf({ attempts: 1, postponements: 1 })),
        (delivery) => delivery.postpone(shortMs, marksOf({ attempts: 2, postponements: 1 })),
        ackAll,
      ),
    )
    await consume(receiver)
    await bench.publish(messages('a'))
    await until('it has come back three times', () => receiver.seen.length >= 4)
    const counts = receiver.seen.slice(0, 4).map(({ attempts, postponements }) => [attempts, postponements])
    assert.deepEqual(counts, [
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 1],
    ])
    receiver.seen.slice(0, 4).forEach(({ waitedMs, incoming }, times) => {
      assert.ok(waitedMs >= times * (shortMs - roundingMs), `it says that it waited ${waitedMs} ms after ${times} times ${shortMs} ms`)
      assert.deepEqual(incoming.origin, receiver.seen[0]?.incoming.origin)
    })
  },

  async 'a short delay does not wait for a long one, nor does what follows in its order'({
    bench,
    handler,
    consume,
    until,
    shortMs,
    longMs,
  }) {
    const delayOf = (text: string): number => (text.startsWith('long') ? longMs : shortMs)
    const receiver = handler(inTurn((delivery) => delivery.postpone(delayOf(delivery.incoming.text()), marksOf({ attempts: 1 })), ackAll))
    await consume(receiver)
    await bench.publish([
      { body: 'long', orderingKey: 'a' },
      { body: 'short', orderingKey: 'a' },
      { body: 'long too', orderingKey: 'b' },
      { body: 'short too', orderingKey: 'a' },
    ])
    await until('all have come back', () => receiver.seen.length >= 8)
    const copies = receiver.seen.filter(({ attempts }) => attempts === 1)
    for (const { text, atMs } of copies) {
      const first = receiver.seen.find((seen) => seen.text === text && seen.attempts === 0)
      assert.ok(first && atMs - first.atMs >= delayOf(text) - roundingMs, `${text} came too early`)
    }
    assert.ok(copies[0]?.text.startsWith('short') && copies[1]?.text.startsWith('short'), 'the short delays end first')
  },

  async 'a copy outlives the consumption that postponed it'({ bench, handler, consume, until, stop, shortMs, passTime }) {
    const postponer = handler((delivery) => delivery.postpone(shortMs, marksOf({ attempts: 3 })))
    const receiver = handler()
    const first = await consume(postponer)
    await bench.publish(messages('a'))
    await until('it has come', () => postponer.seen.length > 0)
    await stop(first)
    await passTime(shortMs)
    await consume(receiver)
    await until('its copy has come', () => receiver.seen.length > 0)
    assert.deepEqual(
      receiver.seen.map(({ text, attempts }) => [text, attempts]),
      [['a', 3]],
    )
  },

  async 'many postponed messages all come back'({ bench, handler, consume, until, shortMs, longMs }) {
    let count = 0
    const receiver = handler(inTurn((delivery) => delivery.postpone((count += 1) % 2 ? shortMs : longMs, marksOf({ attempts: 1 })), ackAll))
    await consume(receiver)
    await bench.publish(messages(...texts('a', 60)))
    const copies = (): readonly string[] => receiver.seen.filter(({ attempts }) => attempts === 1).map(({ text }) => text)
    await until('all have come back', () => hasAll(copies(), texts('a', 60)))
  },

  async 'a replay says so until it is marked otherwise'({ bench, handler, consume, until, shortMs }) {
    const receiver = handler(
      inTurn(
        (delivery) => delivery.postpone(shortMs, marksOf({ replay: true })),
        (delivery) => delivery.postpone(shortMs, marksOf()),
        ackAll,
      ),
    )
    await consume(receiver)
    await bench.publish(messages('a'))
    await until('it has come back twice', () => receiver.seen.length >= 3)
    assert.deepEqual(
      receiver.seen.slice(0, 3).map(({ replay }) => replay),
      [false, true, false],
    )
  },

  async 'marks in a message that is no copy are not believed, and not copied on'({ bench, handler, consume, until, shortMs }) {
    const receiver = handler((delivery) => {
      if (delivery.incoming.text() === 'honest') return delivery.ack()
      return delivery.attempts === 0 ? delivery.postpone(shortMs, marksOf({ attempts: 1 })) : delivery.ack()
    })
    await consume(receiver)
    await bench.publish(messages('honest'))
    await until('the honest one has come', () => receiver.seen.length > 0)
    const { origin } = receiver.seen[0]?.incoming ?? assert.fail()
    const forged = copyHeaders(marksOf({ attempts: 7, postponements: 8, replay: true }), { origin, nowEpochMs: 3, sinceEpochMs: 2 }, 1)
    await bench.publish([{ body: 'forged', headers: { ...forged, 'trace-id': 'trace 1' }, orderingKey: 'forged' }])
    await until('the forged one has come back', () => receiver.seen.length >= 3)
    const [, first, copy] = receiver.seen
    assert.ok(first && copy)
    assert.deepEqual([first.attempts, first.postponements, first.replay, first.waitedMs], [0, 0, false, 0])
    assert.deepEqual([copy.attempts, copy.postponements, copy.replay], [1, 0, false])
    assert.ok(copy.waitedMs < 1_000_000, `it says that it waited ${copy.waitedMs} ms`)
    for (const { incoming } of [first, copy]) assertHeaders(incoming.headers, { 'trace-id': 'trace 1' })
  },

  async 'marks that another handler of the group wrote are not believed'({ bench, handler, consume, until, stop, shortMs }) {
    const postponer = handler((delivery) => delivery.postpone(shortMs, marksOf({ attempts: 3, postponements: 3 })))
    const other = handler(ackAll, { scope: 'suite.other' })
    const first = await consume(postponer)
    await bench.publish(messages('a'))
    await until('it has come', () => postponer.seen.length > 0)
    await stop(first)
    await consume(other)
    await until('its copy has come', () => other.seen.length > 0)
    const [copy] = other.seen
    assert.ok(copy)
    assert.deepEqual([copy.text, copy.attempts, copy.postponements], ['a', 0, 0])
    assert.notEqual(copy.redelivered, false)
  },
}
