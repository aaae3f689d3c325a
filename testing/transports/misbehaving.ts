import assert from 'node:assert/strict'
import { assertHeaders, hasAll, messages, texts } from './stage.js'
import { ackAll, inTurn, marksOf } from './scripted-handler.js'
import type { Cases, TransportBench } from './stage.js'

const hostileBodies: readonly (Uint8Array | string)[] = [
  '',
  Uint8Array.of(0xff, 0xfe, 0, 0x80, 0xc3),
  Uint8Array.of(0),
  'x'.repeat(100_000),
  '\ufeff{"text": "mark in front"}',
  '{"not": "JSON',
  'naïve 𝄞 \u0000 text',
]

/** Handlers and messages as they should not be. */
export const misbehaving: Cases<TransportBench> = {
  async 'a handler that rejects or throws stops neither the others nor consuming, and its message is not lost'(stage) {
    const { bench, handler, consume, until, stop } = stage
    const bad = handler((delivery) => {
      const text = delivery.incoming.text()
      if (text === 'rejects') return Promise.reject(new Error('settling went wrong'))
      if (text === 'throws') throw new Error('settling went wrong at once')
      return delivery.ack()
    })
    const consumption = await consume(bad)
    await bench.publish(messages('throws', 'rejects', ...texts('a', 10)))
    await until('all have come', () => hasAll(bad.texts, ['throws', 'rejects', ...texts('a', 10)]))
    await bench.publish(messages(...texts('b', 10)))
    await until('it goes on', () => hasAll(bad.texts, texts('b', 10)))
    assert.equal(consumption.status, 'running')
    await stop(consumption)
    await consumption.done
    const next = handler()
    await consume(next)
    await until('what was not settled comes again', () => hasAll(next.texts, ['throws', 'rejects']))
  },

  async 'what decode throws is for the handler, and stops nothing'({ bench, handler, consume, until }) {
    const error = new Error('no order')
    const told: unknown[] = []
    const receiver = handler(async (delivery) => {
      try {
        await delivery.decode()
      } catch (thrown) {
        told.push(thrown)
      }
      await delivery.ack()
    })
    await consume(receiver, {
      decode(incoming) {
        if (incoming.text() === 'throws') throw error
        return incoming.text() === 'rejects' ? Promise.reject(error) : incoming.text()
      },
    })
    await bench.publish(messages('throws', 'rejects', ...texts('a', 5)))
    await until('all have come', () => hasAll(receiver.texts, ['throws', 'rejects', ...texts('a', 5)]))
    await until('both were told', () => told.length >= 2)
    assert.ok(told.every((thrown) => thrown === error))
  },

  async 'decode is given the message, and its answer comes to the handler'({ bench, handler, consume, until }) {
    const decoded: string[] = []
    const receiver = handler(async (delivery) => {
      decoded.push(await delivery.decode())
      await delivery.ack()
    })
    await consume(receiver, { decode: (incoming) => Promise.resolve(`${JSON.stringify(incoming.json())} ${incoming.headers.unit ?? ''}`) })
    await bench.publish([{ body: '{"amount":3}', headers: { unit: 'EUR' } }])
    await until('it has come', () => decoded.length > 0)
    assert.equal(decoded[0], '{"amount":3} EUR')
  },

  async 'any bytes pass through, postponed or not'({ bench, handler, consume, until, shortMs }) {
    const receiver = handler((delivery) =>
      delivery.attempts === 0 ? delivery.postpone(shortMs, marksOf({ attempts: 1 })) : delivery.ack(),
    )
    await consume(receiver)
    await bench.publish(hostileBodies.map((body, index) => ({ body, headers: { index: String(index) } })))
    await until(
      'all have come back',
      () =>
        new Set(receiver.seen.filter(({ attempts }) => attempts === 1).map(({ incoming }) => incoming.headers.index)).size ===
        hostileBodies.length,
    )
    for (const { incoming } of receiver.seen) {
      const body = hostileBodies[Number(incoming.headers.index)] ?? assert.fail()
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
      assert.deepEqual(Uint8Array.from(incoming.bytes), bytes, `body ${incoming.headers.index}`)
      if (typeof body === 'string') assert.equal(incoming.text(), body, `body ${incoming.headers.index} as text`)
    }
    const broken = receiver.seen.find(({ text }) => text.startsWith('{"not"'))
    assert.throws(() => broken?.incoming.json(), SyntaxError)
  },

  async 'any headers pass through, postponed or not'({ bench, handler, consume, until, shortMs }) {
    const headers = {
      empty: '',
      long: 'y'.repeat(4_000),
      unicode: 'naïve 𝄞 ✂',
      spaces: '  two before, two after  ',
      constructor: 'not a function',
      hapaxlike: 'not ours',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }
    const receiver = handler(inTurn((delivery) => delivery.postpone(shortMs, marksOf()), ackAll))
    await consume(receiver)
    await bench.publish([{ body: 'a', headers, orderingKey: 'naïve 𝄞' }])
    await until('it has come back', () => receiver.seen.length >= 2)
    for (const { incoming } of receiver.seen) {
      assertHeaders(incoming.headers, headers)
      assert.equal(incoming.orderingKey, 'naïve 𝄞')
    }
  },

  async 'what a handler does to the bytes of its delivery is not seen by others'({ bench, handler, consume, until, shortMs }) {
    const receiver = handler((delivery) => {
      const again = delivery.attempts > 0
      delivery.incoming.bytes.fill(0)
      return again ? delivery.ack() : delivery.postpone(shortMs, marksOf({ attempts: 1 }))
    })
    const other = handler()
    await consume(receiver, { groupId: 'one' })
    await bench.publish(messages('abc'))
    await until('it has come', () => receiver.seen.length > 0)
    await consume(other, { groupId: 'two' })
    await until('the other group has it', () => other.seen.length > 0)
    assert.equal(other.texts[0], 'abc')
  },
}
