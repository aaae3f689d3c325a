import assert from 'node:assert/strict'
import { assertHeaders, hasAll, messages, texts } from './stage.js'
import { ackAll } from './scripted-handler.js'
import type { Cases, TransportBench } from './stage.js'

/** What arrives, where, how many at once and in which order. */
export const delivering: Cases<TransportBench> = {
  async 'every message that was published is delivered'({ bench, handler, consume, until }) {
    const before = texts('before', 20)
    const after = texts('after', 20)
    const receiver = handler()
    await bench.publish([...messages(...before), { body: 'without ordering key' }])
    await consume(receiver)
    await bench.publish(messages(...after))
    await until('all have come', () => hasAll(receiver.texts, [...before, ...after, 'without ordering key']))
    for (const { attempts, postponements, waitedMs, replay, incoming } of receiver.seen) {
      assert.deepEqual({ attempts, postponements, waitedMs, replay }, { attempts: 0, postponements: 0, waitedMs: 0, replay: false })
      assert.ok(incoming.origin.destination !== '' && incoming.origin.position !== '', 'origin says where it came from')
      assert.equal(incoming.orderingKey, incoming.text() === 'without ordering key' ? undefined : incoming.text())
    }
  },

  async 'a message keeps its headers and its id'({ bench, handler, consume, until }) {
    const receiver = handler()
    const headers = { 'trace-id': 'trace 1', 'X-Mixed-Case': 'Yes' }
    await bench.publish([{ body: 'a', headers, id: 'message-1' }])
    await consume(receiver)
    await until('it has come', () => receiver.seen.length > 0)
    assertHeaders(receiver.seen[0]?.incoming.headers ?? {}, { ...headers, 'hapax-id': 'message-1' })
  },

  async 'every group gets every message'({ bench, handler, consume, until, stop }) {
    const sent = texts('a', 12)
    const [one, two] = [handler(), handler()]
    await bench.publish(messages(...sent))
    const first = await consume(one, { groupId: 'one' })
    await until('the first group has all', () => hasAll(one.texts, sent))
    await stop(first)
    await consume(two, { groupId: 'two' })
    await until('the second group has all', () => hasAll(two.texts, sent))
  },

  async 'the consumptions of one group share its messages, and take over from each other'({ bench, handler, consume, until, stop }) {
    const [one, two] = [handler(), handler()]
    const seen = (): readonly string[] => [...one.texts, ...two.texts]
    const first = await consume(one)
    await bench.publish(messages(...texts('a', 20)))
    await until('the first consumption works', () => hasAll(seen(), texts('a', 20)))
    await consume(two)
    await bench.publish(messages(...texts('b', 20)))
    await until('both work', () => hasAll(seen(), texts('b', 20)))
    await stop(first)
    await bench.publish(messages(...texts('c', 20)))
    await until('the second one goes on', () => hasAll(two.texts, texts('c', 20)))
  },

  async 'as many handlers run at once as are allowed, and never more'({ bench, handler, consume, until, gate, passTime, quietMs }) {
    const held = gate()
    let running = 0
    let most = 0
    const receiver = handler(async (delivery) => {
      running += 1
      most = Math.max(most, running)
      await held.opened
      await delivery.ack()
      running -= 1
    })
    await bench.publish(messages(...texts('a', 12)))
    await consume(receiver, { concurrency: 3 })
    await until('three run', () => running === 3)
    await passTime(quietMs)
    held.open()
    await until('all have come', () => hasAll(receiver.texts, texts('a', 12)))
    assert.equal(most, 3)
  },

  async 'messages of one ordering key are handled one after the other, and others overtake them'({ bench, handler, consume, until, gate }) {
    const { capabilities } = bench.transport({ groupId: 'one', concurrency: 8, decode: (incoming) => incoming.text() })
    // Nothing is promised, so nothing is tested.
    if (!capabilities.ordered) return
    const held = gate()
    const running = new Set<string>()
    const receiver = handler(async (delivery) => {
      const { orderingKey = '' } = delivery.incoming
      assert.ok(!running.has(orderingKey), `two of ${orderingKey} run at once`)
      running.add(orderingKey)
      if (delivery.incoming.text() === 'a1') await held.opened
      await delivery.ack()
      running.delete(orderingKey)
    })
    const sent = ['a1', 'b1', 'a2', 'b2', 'c1', 'a3', 'b3', 'c2']
    await bench.publish([...sent.map((body) => ({ body, orderingKey: body.slice(0, 1) })), { body: 'x1' }, { body: 'x2' }])
    await consume(receiver)
    await until('the others have overtaken', () => hasAll(receiver.texts, ['b1', 'b2', 'b3', 'c1', 'c2', 'x1', 'x2']))
    assert.ok(!hasAll(receiver.texts, ['a2']), 'a2 waits for a1')
    held.open()
    await until('all have come', () => hasAll(receiver.texts, sent))
    for (const key of ['a', 'b', 'c']) {
      const order = sent.filter((text) => text.startsWith(key))
      assert.deepEqual(
        [...new Set(receiver.texts)].filter((text) => text.startsWith(key)),
        order,
      )
    }
  },

  async 'what is left unsettled comes again, says so, and counts as no attempt'({ bench, handler, consume, until, stop }) {
    const careless = handler(() => undefined)
    const careful = handler()
    await bench.publish([{ body: 'a', orderingKey: 'a', headers: { 'trace-id': '1' } }])
    const first = await consume(careless)
    await until('it has come', () => careless.seen.length > 0)
    await stop(first)
    await consume(careful)
    await until('it has come again', () => careful.seen.length > 0)
    const [again] = careful.seen
    assert.ok(again && again.text === 'a')
    assert.notEqual(again.redelivered, false)
    assert.deepEqual([again.attempts, again.postponements, again.replay], [0, 0, false])
    assertHeaders(again.incoming.headers, { 'trace-id': '1' })
  },

  async 'what was acked does not come again'({ bench, handler, consume, until, stop, passTime, quietMs }) {
    const [one, two] = [handler(), handler()]
    await bench.publish(messages(...texts('a', 20)))
    const first = await consume(one)
    await until('all have come', () => hasAll(one.texts, texts('a', 20)))
    await stop(first)
    await consume(two)
    // Where there are ordering keys, each of these comes after the earlier one of its key.
    await bench.publish(texts('a', 20).map((orderingKey) => ({ body: `after ${orderingKey}`, orderingKey })))
    await until('the next ones have come', () => hasAll(two.texts, texts('after a', 20)))
    await passTime(quietMs)
    assert.deepEqual(
      two.texts.filter((text) => !text.startsWith('after')),
      [],
    )
  },

  async 'acking a later message does not ack an earlier one'({ bench, handler, consume, until, stop }) {
    const left = new Set(['a1', 'a7'])
    const careless = handler((delivery) => (left.has(delivery.incoming.text()) ? undefined : delivery.ack()))
    const careful = handler(ackAll)
    await bench.publish(messages(...texts('a', 15)))
    const first = await consume(careless)
    await until('all have come', () => hasAll(careless.texts, texts('a', 15)))
    await stop(first)
    await consume(careful)
    await until('those that were left come again', () => hasAll(careful.texts, [...left]))
  },
}
