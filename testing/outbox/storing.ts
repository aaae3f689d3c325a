import assert from 'node:assert/strict'
import { idHeader } from '../../src/index.js'
import { assertOrder, inARow } from './stage.js'
import { textOf } from './recorder.js'
import type { OutboxCases } from './stage.js'

const hostile = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'Zürich',
  '🥨',
  "'; drop table orders; --",
  '%',
  '\\',
  '"',
  '\n',
  'x'.repeat(5_000),
]

/** What is stored, and with which transaction. */
export function storing<Tx>(): OutboxCases<Tx> {
  return {
    async 'a message is published after its transaction has committed, as it was handed over'({ outbox, handle, relay, broker, until }) {
      await relay()
      const body = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await handle.transaction(async (tx) => {
        await outbox.send(tx, { destination: 'order.paid', body, orderingKey: 'order-17', headers: { region: 'eu' }, id: 'paid-17' })
        await outbox.send(tx, { destination: 'order.sent', body: 'Straße' })
        assert.equal(broker.calls, 0, 'nothing is published before the commit')
      })
      await until('both have come', () => broker.received.length === 2)
      const paid = broker.received.find(({ destination }) => destination === 'order.paid')
      assert.ok(paid)
      assert.deepEqual(paid.headers, { region: 'eu' })
      assert.equal(paid.orderingKey, 'order-17')
      assert.equal(paid.id, 'paid-17')
      assert.deepEqual(Uint8Array.from(paid.body as Uint8Array), body)
      const sent = broker.received.find(({ destination }) => destination === 'order.sent')
      assert.ok(sent)
      assert.equal(textOf(sent.body), 'Straße')
      assert.equal(sent.orderingKey, undefined)
      assert.ok(sent.id, `a message has an id, which travels as ${idHeader}`)
    },

    async 'a message whose transaction is rolled back is never published'({ outbox, handle, relay, broker, send, drained }) {
      await relay()
      const failed = handle.transaction(async (tx) => {
        await outbox.send(tx, { destination: 'orders', body: 'never' })
        throw new Error('no money')
      })
      await assert.rejects(failed, /no money/)
      await send({ body: 'later' })
      await drained()
      assert.deepEqual(broker.texts, ['later'])
    },

    async 'what is in a message crosses over as it is'({ send, relay, broker, drained }) {
      const messages = hostile.map((text, index) => ({
        body: text,
        orderingKey: text,
        headers: { text, [`h${index}`]: '' },
        id: `id-${index} ${text.slice(0, 20).toWellFormed()}`,
      }))
      await send(...messages)
      await relay()
      await drained()
      assert.equal(broker.received.length, hostile.length)
      for (const [index, text] of hostile.entries()) {
        const found = broker.received.find(({ orderingKey }) => orderingKey === text)
        assert.ok(found, `a message with the ordering key ${JSON.stringify(text.slice(0, 40))}`)
        assert.equal(textOf(found.body), text.toWellFormed())
        assert.equal(found.headers?.text, text)
        assert.equal(found.id, `id-${index} ${text.slice(0, 20).toWellFormed()}`)
      }
    },

    async 'messages of one ordering key are published in the order in which they were stored'({ send, relay, broker, drained }) {
      const keys = ['a', 'b', 'c', 'd']
      for (const part of [0, 1, 2]) {
        for (const key of keys) await send(...inARow(key, 30).slice(part * 10, part * 10 + 10))
      }
      await relay({ batch: 7 })
      await drained()
      assert.equal(broker.received.length, 120)
      assertOrder(broker.texts, keys, 30)
    },

    async 'many messages and long ones are stored at once'({ send, relay, broker, drained }) {
      await send(...Array.from({ length: 2_000 }, (_, index) => ({ body: `m${index}`, orderingKey: `key-${index % 50}` })))
      await send({ body: 'y'.repeat(1_000_000) }, { body: new Uint8Array() })
      await relay()
      await drained()
      assert.equal(broker.received.length, 2_002)
      assert.equal(Math.max(...broker.texts.map(({ length }) => length)), 1_000_000)
    },

    async 'long messages are read a few at a time'({ send, relay, broker, drained }) {
      const body = 'z'.repeat(3_000_000)
      for (let index = 0; index < 12; index += 1) await send({ body, orderingKey: 'a', id: `${index}` })
      await relay()
      await drained()
      assert.deepEqual(
        broker.received.map(({ id }) => id),
        Array.from({ length: 12 }, (_, index) => `${index}`),
      )
    },

    async 'a message that no transport could send is refused when it is handed over'({ outbox, handle }) {
      const wrong = [
        { destination: '', body: 'x' },
        { destination: 'orders', body: 17 },
        { destination: 'orders', body: 'x', orderingKey: 17 },
        { destination: 'orders', body: 'x', headers: { region: 17 } },
        { destination: 'orders', body: 'x', id: 17 },
        { destination: 'orders', body: 'x', id: '\ud800' },
        { destination: '\ud800', body: 'x' },
        { destination: 'orders', body: 'x', headers: new Map([['region', 'eu']]) },
        null,
      ]
      for (const message of wrong) {
        const sending = handle.transaction((tx) => outbox.send(tx, message as never))
        await assert.rejects(sending, (error: { code?: unknown }) => error.code === 'publish-refused')
      }
      assert.equal((await outbox.depth()).waiting, 0)
    },

    async 'a transaction that is over takes no message'({ outbox, handle }) {
      let kept: Tx | undefined
      await handle.transaction(async (tx) => void (kept = tx))
      await assert.rejects(async () => outbox.send(kept as Tx, { destination: 'orders', body: 'x' }))
      assert.equal((await outbox.depth()).waiting, 0)
    },

    async 'the depth tells what waits, and for how long'({ outbox, send, passTime, relay, drained }) {
      assert.deepEqual(await outbox.depth(), { waiting: 0, failing: 0, setAside: 0, oldestMs: 0 })
      await send({ body: '1' }, { body: '2' })
      await passTime(30)
      const { oldestMs, ...counts } = await outbox.depth()
      assert.deepEqual(counts, { waiting: 2, failing: 0, setAside: 0 })
      assert.ok(oldestMs >= 20, `the oldest has waited for ${oldestMs} ms`)
      await relay()
      await drained()
    },
  }
}

/** For databases in which two transactions can be open at once. */
export function storingSideBySide<Tx>(): OutboxCases<Tx> {
  return {
    async 'a transaction that commits late is not skipped'({ outbox, handle, openHandle, relay, broker, send, until, drained }) {
      await relay()
      const other = await openHandle()
      let commit = (): void => undefined
      const held = new Promise<void>((resolve) => (commit = resolve))
      let added = (): void => undefined
      const isAdded = new Promise<void>((resolve) => (added = resolve))
      const late = other.transaction(async (tx) => {
        await other.outbox.send(tx, [
          { destination: 'orders', body: 'late', orderingKey: 'a' },
          { destination: 'orders', body: 'late, too' },
        ])
        added()
        await held
      })
      await isAdded
      await send({ body: 'early', orderingKey: 'a' }, { body: 'early, too', orderingKey: 'b' })
      await until('those that committed first have come', () => broker.received.length === 2)
      await handle.transaction((tx) => outbox.send(tx, { destination: 'orders', body: 'in between', orderingKey: 'a' }))
      await until('the one in between has come', () => broker.received.length === 3)
      commit()
      await late
      await drained()
      assert.deepEqual(new Set(broker.texts), new Set(['early', 'early, too', 'in between', 'late', 'late, too']))
    },

    async 'transactions that store messages of one ordering key do not wait for one another'({
      outbox,
      handle,
      openHandle,
      broker,
      relay,
      drained,
    }) {
      const other = await openHandle()
      await handle.transaction(async (tx) => {
        await outbox.send(tx, { destination: 'orders', body: '1', orderingKey: 'a' })
        await other.transaction((otherTx) => other.outbox.send(otherTx, { destination: 'orders', body: '2', orderingKey: 'a' }))
      })
      await relay()
      await drained()
      assert.equal(broker.received.length, 2)
    },
  }
}
