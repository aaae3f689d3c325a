import assert from 'node:assert/strict'
import { assertOrder, inARow } from './stage.js'
import { recorder } from './recorder.js'
import type { OutboxCases } from './stage.js'

/** Relays, alone and several at once, and what they make of trouble. */
export function relaying<Tx>(): OutboxCases<Tx> {
  return {
    async 'several relays share the work: nothing is published twice, and the order holds'({ send, openHandle, relay, broker, drained }) {
      const keys = Array.from({ length: 20 }, (_, index) => `k${String.fromCharCode(97 + index)}`)
      const others = await Promise.all([openHandle(), openHandle()])
      await relay({ batch: 5 })
      for (const { outbox } of others) await relay({ outbox, batch: 5 })
      for (let part = 0; part < 5; part += 1) await send(...keys.flatMap((key) => inARow(key, 25).slice(part * 5, part * 5 + 5)))
      await drained()
      assert.equal(broker.received.length, 500)
      assertOrder(broker.texts, keys, 25)
    },

    async 'what was not confirmed is published again, in order, and not lost'({ send, relay, broker, drained }) {
      await send(...inARow('a', 20), ...inARow('b', 20))
      broker.loseConfirms(3)
      await relay({ batch: 10 })
      await drained()
      assertOrder(broker.texts, ['a', 'b'], 20)
    },

    async 'a message that is refused holds up its own ordering key alone, and is set aside in the end'({
      outbox,
      send,
      relay,
      broker,
      troubles,
      until,
      drained,
    }) {
      broker.refuse(({ body }) => String(body).length > 0 && new TextDecoder().decode(body as Uint8Array) === 'a2')
      await send(...inARow('a', 4), ...inARow('b', 4), { body: 'free' })
      await relay({ maxFailures: 3 })
      await until('all else has come', () => ['a1', 'b1', 'b2', 'b3', 'b4', 'free'].every((text) => broker.texts.includes(text)))
      await drained()
      assert.deepEqual(
        [...new Set(broker.texts)].filter((text) => text.startsWith('a')),
        ['a1', 'a3', 'a4'],
        'set aside, it lets those after it go on, and they have waited for that',
      )
      assert.ok(broker.received.length <= 2 * 8, 'what travelled with it is published a second time at most')
      const told = troubles.map(({ kind }) => kind)
      assert.deepEqual(
        told.filter((kind) => kind === 'publish-failed' || kind === 'set-aside'),
        ['publish-failed', 'publish-failed', 'set-aside'],
      )
      const [aside] = await outbox.listSetAside()
      assert.equal(aside?.failures, 3)
      assert.equal(aside.message.destination, 'orders')
      assert.match(aside.reason, /refused/)
      assert.equal((await outbox.depth()).setAside, 1)
    },

    async 'a message that was set aside can be sent again'({ outbox, send, relay, broker, until, drained }) {
      broker.refuse(() => true)
      await send({ body: 'a1', orderingKey: 'a', headers: { region: 'eu' }, id: 'one' })
      await relay({ maxFailures: 1 })
      await until('it is set aside', async () => (await outbox.depth()).setAside === 1)
      broker.refuse(() => false)
      const letters = await outbox.listSetAside()
      assert.equal(await outbox.sendAgain(letters), 1)
      assert.equal(await outbox.sendAgain(letters), 0)
      await until('it has come', () => broker.received.length === 1)
      await drained()
      assert.deepEqual(broker.texts, ['a1'])
      assert.equal(broker.received[0]?.id, 'one')
      assert.deepEqual(broker.received[0].headers, { region: 'eu' })
      assert.deepEqual(await outbox.listSetAside(), [])
    },

    async 'while nothing can be published no failure is counted, and nothing is set aside'({
      outbox,
      send,
      relay,
      broker,
      troubles,
      until,
      passTime,
      drained,
    }) {
      broker.away(true)
      await send(...inARow('a', 3), ...inARow('b', 3))
      const running = await relay({ maxFailures: 1 })
      await until('the relay is held', () => running.status === 'held')
      const calls = broker.calls
      await passTime(300)
      await until('it has tried again', () => broker.calls > calls)
      const { waiting, failing, setAside } = await outbox.depth()
      assert.deepEqual({ waiting, failing, setAside }, { waiting: 6, failing: 0, setAside: 0 })
      broker.away(false)
      await drained()
      await until('it goes on', () => running.status === 'running')
      assertOrder(broker.texts, ['a', 'b'], 3)
      assert.deepEqual(
        troubles.map(({ kind }) => kind),
        ['broker-away', 'recovered'],
      )
    },

    async 'a relay that is gone for good holds its lanes no longer than their lease'({ send, openHandle, relay, broker, until, drained }) {
      const { outbox } = await openHandle()
      const dead = recorder()
      dead.hang()
      await send(...inARow('a', 3), ...inARow('b', 3))
      // It never answers, and nobody keeps the lanes: as if its process had died.
      const lanes = await outbox.table.takeLanes({ nonce: 'dead', most: 64, leaseMs: 300 })
      assert.ok(lanes.length > 0)
      await relay()
      await until('another one has published them', () => broker.received.length === 6)
      await drained()
      assertOrder(broker.texts, ['a', 'b'], 3)
    },

    async 'lanes are kept while the publisher takes its time'({ send, openHandle, relay, broker, until, passTime, drained }) {
      const slow = recorder()
      const answer = slow.hang()
      await send(...inARow('a', 3))
      await relay({ publisher: slow, leaseMs: 1_000, storeTimeoutMs: 250, publishTimeoutMs: 20_000, concurrency: 1 })
      await until('it is publishing', () => slow.calls === 1)
      const { outbox } = await openHandle()
      await relay({ outbox, leaseMs: 1_000, storeTimeoutMs: 250 })
      await passTime(2_500)
      assert.deepEqual(broker.texts, [], 'nobody else may publish them meanwhile')
      answer()
      await drained()
      assert.deepEqual(slow.texts, ['a1', 'a2', 'a3'])
    },

    async 'a publisher that never answers is given up, and a stop does not wait for it for ever'({
      send,
      relay,
      broker,
      stop,
      until,
      drained,
    }) {
      const hanging = recorder()
      hanging.hang()
      await send({ body: '1' })
      const first = await relay({ publisher: hanging, publishTimeoutMs: 50, concurrency: 1 })
      await until('it has tried again', () => hanging.calls > 1)
      await stop(first)
      const calls = hanging.calls
      const second = await relay({ publisher: hanging, graceMs: 50, concurrency: 1 })
      await until('it is publishing', () => hanging.calls > calls)
      await stop(second)
      assert.equal(second.status, 'stopped')
      await second.done
      await relay()
      await drained()
      assert.deepEqual(broker.texts, ['1'])
    },

    async 'a stop waits for what is being published, and gives back the rest'({ send, openHandle, relay, broker, until, drive, drained }) {
      const slow = recorder()
      const answer = slow.hang()
      await send(...inARow('a', 3))
      const running = await relay({ publisher: slow, concurrency: 1 })
      await until('it is publishing', () => slow.calls === 1)
      const stopping = running.stop()
      assert.equal(running.status, 'stopping')
      answer()
      await drive(stopping)
      assert.equal(running.status, 'stopped')
      await send(...inARow('a', 6).slice(3))
      const { outbox } = await openHandle()
      await relay({ outbox })
      await drained()
      assert.deepEqual(slow.texts, ['a1', 'a2', 'a3'])
      assert.deepEqual(broker.texts, ['a4', 'a5', 'a6'])
    },

    async 'a relay ends with its signal'({ relay, until, send, outbox, broker }) {
      const stopping = new AbortController()
      const running = await relay({ signal: stopping.signal })
      stopping.abort()
      await until('it has stopped', () => running.status === 'stopped')
      await running.done
      const never = await relay({ signal: stopping.signal })
      assert.equal(never.status, 'stopped')
      await send({ body: '1' })
      assert.equal((await outbox.depth()).waiting, 1)
      assert.equal(broker.calls, 0)
    },

    async 'options that cannot be are refused'({ outbox, broker }) {
      const wrong = [
        { pollMs: 0 },
        { batch: 0 },
        { concurrency: 0 },
        { leaseMs: 10 },
        { retryDelaysMs: [] },
        { maxFailures: 0 },
        { keepSentMs: -1 },
      ]
      for (const options of wrong) {
        await assert.rejects(outbox.relay(broker, options), (error: { option?: unknown }) => error.option === Object.keys(options)[0])
      }
      await assert.rejects(outbox.relay({} as never), /publisher must be/)
    },
  }
}

/** For databases that tell of commits. */
export function waking<Tx>(): OutboxCases<Tx> {
  return {
    async 'a commit wakes the relay'({ relay, send, broker, until, openHandle }) {
      const { outbox } = await openHandle()
      await relay({ outbox, pollMs: 600_000 })
      await relay({ pollMs: 600_000 })
      for (const text of ['1', '2', '3']) {
        await send({ body: text })
        await until(`${text} has come`, () => broker.texts.includes(text))
      }
    },
  }
}

/** For the others. */
export function polling<Tx>(): OutboxCases<Tx> {
  return {
    async 'a relay can be woken, and looks by itself now and then'({ relay, send, broker, until }) {
      const running = await relay({ pollMs: 600_000, concurrency: 1 })
      await send({ body: '1' })
      running.wake()
      await until('it has come', () => broker.texts.includes('1'))
      await relay({ pollMs: 20 })
      await send({ body: '2' })
      await until('the next one has come', () => broker.texts.includes('2'))
    },
  }
}
