import assert from 'node:assert/strict'
import { hasAll, messages, texts } from './stage.js'
import { ackAll, marksOf } from './scripted-handler.js'
import type { Delivery, Session } from '../../src/index.js'
import type { Cases, TransportBench } from './stage.js'

/** How consuming begins, ends, and what is left then. */
export const stopping: Cases<TransportBench> = {
  async 'nothing is consumed when the handler cannot: consume rejects with what check threw'({ bench, handler, consume, until }) {
    const error = new Error('no such table')
    const unable = handler(ackAll, { check: () => Promise.reject(error) })
    await bench.publish(messages('a'))
    await assert.rejects(consume(unable), (thrown) => thrown === error)
    const able = handler()
    await consume(able)
    await until('it has come', () => able.seen.length > 0)
    assert.deepEqual(unable.texts, [])
  },

  async 'a stop ends intake, and lets running handlers finish'({ bench, handler, consume, until, gate, drive }) {
    const held = gate()
    const receiver = handler(async (delivery, session) => {
      await held.opened
      assert.equal(session?.graceOver.aborted, false, 'the grace time is not over')
      await delivery.ack()
    })
    const consumption = await consume(receiver, { graceMs: 20_000 })
    assert.equal(consumption.status, 'running')
    await bench.publish(messages('a'))
    await until('it has come', () => receiver.seen.length > 0)
    const stopped = consumption.stop()
    assert.equal(consumption.status, 'stopping')
    await bench.publish(messages('b'))
    held.open()
    await drive(stopped)
    assert.equal(consumption.status, 'stopped')
    await consumption.done
    await consumption.stop()

    const next = handler()
    await consume(next)
    await until('the later message has come', () => next.seen.length > 0)
    assert.deepEqual([receiver.texts, next.texts], [['a'], ['b']])
  },

  async 'a stop takes no longer than its grace time and a little, whatever hangs; what hangs comes again'(stage) {
    const { bench, handler, consume, until, gate, drive, clock } = stage
    const held = gate()
    let session: Session | undefined
    const hanging = handler((_, given) => {
      session = given
      return held.opened
    })
    const consumption = await consume(hanging, { graceMs: 300 })
    await bench.publish(messages('a'))
    await until('it has come', () => hanging.seen.length > 0)
    assert.ok(session, 'the transport hands its session to settle')
    assert.equal(session.graceOver.aborted, false)
    const begunMs = clock.now()
    await drive(consumption.stop())
    const tookMs = clock.now() - begunMs
    assert.ok(tookMs >= 290 && tookMs < 12_000, `it took ${tookMs} ms`)
    assert.equal(session.graceOver.aborted, true)
    const next = handler()
    await consume(next)
    await until('it has come again', () => next.seen.length > 0)
    assert.notEqual(next.seen[0]?.redelivered, false)
  },

  async 'what has not started at a stop does not start; the signals say so, and it comes again'({
    bench,
    handler,
    consume,
    until,
    gate,
    drive,
  }) {
    const held = gate()
    let running: Delivery<string> | undefined
    const receiver = handler(async (delivery) => {
      running = delivery
      await held.opened
      await delivery.ack()
    })
    const consumption = await consume(receiver, { concurrency: 1, graceMs: 20_000 })
    await bench.publish(messages(...texts('a', 5)))
    await until('the first one runs', () => running !== undefined)
    assert.equal(running?.signal.aborted, false)
    const stopped = consumption.stop()
    await until('its signal has aborted', () => running?.signal.aborted === true)
    held.open()
    await drive(stopped)
    assert.equal(receiver.seen.length, 1)
    const next = handler()
    await consume(next)
    await until('the others have come', () => hasAll([...receiver.texts, ...next.texts], texts('a', 5)))
    assert.ok(!hasAll(next.texts, receiver.texts), 'the one that was acked does not come again')
  },

  async 'settling after the stop does nothing'({ bench, handler, consume, until, stop, shortMs, passTime, quietMs }) {
    const kept: Delivery<string>[] = []
    const careless = handler((delivery) => void kept.push(delivery))
    await bench.publish(messages(...texts('a', 3)))
    const first = await consume(careless)
    await until('all have come', () => hasAll(careless.texts, texts('a', 3)))
    await stop(first)
    for (const delivery of kept) {
      if (delivery.incoming.text() === 'a1') await delivery.ack()
      if (delivery.incoming.text() === 'a2') await delivery.postpone(shortMs, marksOf({ attempts: 5 }))
    }
    const next = handler()
    await consume(next)
    await until('all have come again', () => hasAll(next.texts, texts('a', 3)))
    await passTime(shortMs + quietMs)
    assert.deepEqual(
      next.seen.map(({ text, attempts }) => `${text} ${attempts}`).toSorted((one, other) => (one < other ? -1 : 1)),
      ['a1 0', 'a2 0', 'a3 0'],
    )
  },

  async 'an aborted signal stops consuming, at any time'({ bench, handler, consume, until }) {
    const [one, two] = [handler(), handler()]
    const ending = new AbortController()
    const consumption = await consume(one, { signal: ending.signal })
    await bench.publish(messages('a'))
    await until('it has come', () => one.seen.length > 0)
    ending.abort()
    await until('it has stopped', () => consumption.status === 'stopped')
    await consumption.done
    await bench.publish(messages('b'))
    const never = await consume(two, { signal: ending.signal })
    await until('it has stopped', () => never.status === 'stopped')
    await never.done
    const next = handler()
    await consume(next)
    await until('the next one has come', () => hasAll(next.texts, ['b']))
    assert.deepEqual(one.texts, ['a'])
  },

  async 'disposing of a consumption stops it'({ bench, handler, consume, until, drive }) {
    const receiver = handler()
    const consumption = await consume(receiver)
    await bench.publish(messages('a'))
    await until('it has come', () => receiver.seen.length > 0)
    await drive(Promise.resolve(consumption[Symbol.asyncDispose]()))
    assert.equal(consumption.status, 'stopped')
    await consumption.done
  },
}
