import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { claimed, inPlace, long, longWindow, statusOf } from './place.js'
import type { Client } from './client.js'
import type { Cases } from './place.js'

/** Who waits for whom, with one writer. */
export function turns(client: Client): Cases {
  const at = inPlace(client)
  return {
    'keys that are consumed or held are told while another writes, and others wait without stopping the process': at(async (place) => {
      const mine = place.store({ lockWaitMs: 600_000 })
      await mine.complete(await claimed(mine, 'consumed'), 60_000)
      await claimed(mine, 'held')
      const { beside } = place
      beside.exec('begin immediate')
      assert.equal(await statusOf(mine, 'consumed'), 'duplicate')
      assert.equal(await statusOf(mine, 'held'), 'busy')
      const tried = mine.transaction((tx) => mine.claimIn(tx, 'consumed', longWindow))
      assert.deepEqual(await tried, { status: 'duplicate' })
      let answered = false
      const waiting = statusOf(mine, 'free').finally(() => (answered = true))
      for (let turns = 0; turns < 200; turns += 1) await turn()
      assert.equal(answered, false)
      beside.exec('commit')
      assert.equal(await waiting, 'claimed')
    }),
    'transactions take turns in the order they came, and steps between them': at(async ({ store }) => {
      const [one, two] = [store(), store()]
      const order: string[] = []
      const names = Array.from({ length: 12 }, (_, index) => `key-${index}`)
      const all = names.map((name, index) => {
        const mine = index % 2 ? one : two
        if (index % 3 === 2) return statusOf(mine, name).then(() => order.push(name))
        return mine.transaction(async (tx) => {
          assert.deepEqual(await mine.claimIn(tx, name, longWindow), { status: 'claimed' })
          await turn()
          order.push(name)
        })
      })
      await Promise.all(all)
      assert.equal(order.length, 12)
      assert.deepEqual(new Set(order), new Set(names))
      const transactions = order.filter((name) => names.indexOf(name) % 3 !== 2)
      assert.deepEqual(
        transactions,
        names.filter((name) => transactions.includes(name)),
      )
    }),
    'who waits for its turn is told busy as soon as a transaction has claimed the key': at(async ({ store }) => {
      const [one, two, three] = [store(), store(), store({ lockWaitMs: 600_000 })]
      let opened = (): void => undefined
      const open = new Promise<void>((resolve) => (opened = resolve))
      const first = one.transaction(async (tx) => {
        await one.claimIn(tx, 'first', longWindow)
        await open
      })
      await turn()
      const second = two.transaction(async (tx) => {
        assert.deepEqual(await two.claimIn(tx, 'second', longWindow), { status: 'claimed' })
        // It came after this transaction, and waits no longer.
        assert.deepEqual(await third, { status: 'busy', retryInMs: 60_000 })
      })
      await turn()
      const third = three.claim('second', { nonce: 'third', ...long })
      await turn()
      opened()
      await Promise.all([first, second])
      assert.equal(await statusOf(three, 'second'), 'duplicate')
    }),
    'who was told busy, or has claimed nothing, leaves the key to the transaction that holds it': at(async ({ store }) => {
      const [one, two] = [store(), store({ lockWaitMs: 600_000 })]
      await one.transaction(async (tx) => {
        await one.claimIn(tx, 'a key', longWindow)
        assert.deepEqual(await two.transaction((second) => two.claimIn(second, 'a key', longWindow)), { status: 'busy' })
        await two.transaction(async () => undefined)
        assert.deepEqual(await two.claim('a key', { nonce: 'a nonce', ...long }), { status: 'busy', retryInMs: 60_000 })
      })
      assert.equal(await statusOf(two, 'a key'), 'duplicate')
    }),
    'two tables in one file are two stores': at(async ({ store }) => {
      const [one, two] = [store(), store({ table: 'another' })]
      await two.applySchema()
      let later: Promise<string> | undefined
      await one.transaction(async (tx) => {
        await one.claimIn(tx, 'a key', longWindow)
        later = statusOf(two, 'a key')
        await turn()
      })
      assert.equal(await later, 'claimed')
      assert.equal(await statusOf(one, 'a key'), 'duplicate')
      assert.equal(await statusOf(two, 'a key'), 'busy')
    }),
  }
}
