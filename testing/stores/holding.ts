import assert from 'node:assert/strict'
import { longMs } from './stage.js'
import type { TransactionalStore } from '../../src/index.js'
import type { Cases } from './stage.js'

const window = { windowMs: longMs }

/** A promise, and what settles it from outside. */
function door(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

/** What others are told while a transaction is open. */
export function holding<Tx>(): Cases<TransactionalStore<Tx>> {
  return {
    async 'of two open transactions on one key the second is told busy, while the first is still open'({ store, other, record }) {
      const wanted = record()
      await store.transaction(async (tx) => {
        assert.deepEqual(await store.claimIn(tx, wanted, window), { status: 'claimed' })
        assert.deepEqual(await other.transaction((second) => other.claimIn(second, wanted, window)), { status: 'busy' })
      })
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, wanted, window)), { status: 'duplicate' })
    },
    async 'of 16 transactions at once one wins, and the others answer before it ends'({ store, other, record }) {
      const wanted = record()
      const { opened, open } = door()
      let winners = 0
      let answered = 0
      const runs = Array.from({ length: 16 }, (_, index) => {
        const handle = index % 2 ? store : other
        return handle.transaction(async (tx) => {
          const { status } = await handle.claimIn(tx, wanted, window)
          answered += 1
          if (status === 'claimed') winners += 1
          else assert.equal(status, 'busy')
          if (answered === 16) open()
          if (status === 'claimed') await opened
        })
      })
      await Promise.all(runs)
      assert.equal(winners, 1)
    },
    async 'while it is open, claim answers busy with its own lease, and does not wait'({ store, other, record, claim, assertDuplicate }) {
      const wanted = record()
      await store.transaction(async (tx) => {
        await store.claimIn(tx, wanted, window)
        assert.deepEqual(await claim(other, wanted, { leaseMs: 12_345 }), { status: 'busy', retryInMs: 12_345 })
      })
      await assertDuplicate(other, wanted)
    },
    async 'while it is open, renew, complete and release throw, and can be tried again'({ store, other, record, lapsed }) {
      const claim = await lapsed(store, record())
      await other.transaction(async (tx) => {
        assert.deepEqual(await other.claimIn(tx, claim.record, window), { status: 'claimed' })
        await assert.rejects(async () => store.renew(claim, longMs))
        await assert.rejects(async () => store.complete(claim, longMs))
        await assert.rejects(async () => store.release(claim, { attempts: 1, lapses: 0, restMs: 0 }))
      })
      assert.equal(await store.complete(claim, longMs), false)
    },
    async 'an end without a commit gives the key free at once'({ store, other, record, claim, claimed }) {
      const wanted = record()
      const run = store.transaction(async (tx) => {
        await store.claimIn(tx, wanted, window)
        assert.equal((await claim(other, wanted)).status, 'busy')
        throw new Error('rolled back')
      })
      await assert.rejects(run)
      await claimed(other, wanted)
    },
  }
}

/** What others may do while a transaction is open, where the database has more than one writer. */
export function sideBySide<Tx>(): Cases<TransactionalStore<Tx>> {
  return {
    async 'two keys in two open transactions do not meet'({ store, other, record, assertDuplicate }) {
      const [one, two] = [record(), record()]
      await store.transaction(async (tx) => {
        await store.claimIn(tx, one, window)
        assert.deepEqual(await other.transaction((second) => other.claimIn(second, two, window)), { status: 'claimed' })
      })
      await assertDuplicate(store, one)
      await assertDuplicate(store, two)
    },
  }
}
