import assert from 'node:assert/strict'
import { systemRandom } from '../../src/index.js'
import { longMs } from './stage.js'
import type { TransactionalStore } from '../../src/index.js'
import type { Cases } from './stage.js'

const window = { windowMs: longMs }

/** The user's own rows in the database under test. */
export interface Rows<Tx> {
  /** Writes a row of the user's own, called `name`, through the transaction. */
  write(tx: Tx, name: string): Promise<void>
  /** Whether that row is there for everybody. */
  has(name: string): Promise<boolean>
}

/** What a transaction leaves behind, and what it is told. */
export function committing<Tx>({ write, has }: Rows<Tx>): Cases<TransactionalStore<Tx>> {
  return {
    async 'a commit makes the key consumed and the write visible, together'({ store, other, record, assertDuplicate }) {
      const consumed = record()
      const row = systemRandom.nonce()
      const value = await store.transaction(async (tx) => {
        assert.deepEqual(await store.claimIn(tx, consumed, window), { status: 'claimed' })
        await write(tx, row)
        assert.equal(await has(row), false)
        return 'done'
      })
      assert.equal(value, 'done')
      assert.equal(await has(row), true)
      await assertDuplicate(other, consumed)
    },
    async 'a rollback leaves nothing, and throws what was thrown'({ store, other, record, claimed }) {
      const free = record()
      const row = systemRandom.nonce()
      const mine = new Error('mine')
      const run = store.transaction(async (tx) => {
        await store.claimIn(tx, free, window)
        await write(tx, row)
        throw mine
      })
      await assert.rejects(run, (error) => error === mine)
      assert.equal(await has(row), false)
      const claim = await claimed(other, free)
      assert.deepEqual([claim.attempts, claim.lapses], [0, 0])
    },
    async 'what is done through tx afterwards has no effect'({ store, other, record, claimed }) {
      for (const failing of [false, true]) {
        const late = record()
        const row = systemRandom.nonce()
        let kept: { readonly tx: Tx } | undefined
        const run = store.transaction(async (tx) => {
          kept = { tx }
          await write(tx, systemRandom.nonce())
          if (failing) throw new Error('rolled back')
        })
        await (failing ? assert.rejects(run) : run)
        assert.ok(kept)
        const { tx } = kept
        // They may throw, or be lost. They may not take effect.
        await Promise.allSettled([(async () => write(tx, row))(), (async () => store.claimIn(tx, late, window))()])
        assert.equal(await has(row), false)
        await claimed(other, late)
      }
    },
    async 'a consumed key is a duplicate'({ store, other, record, claimed }) {
      const claim = await claimed(store, record())
      await store.complete(claim, longMs)
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, claim.record, window)), { status: 'duplicate' })
      const again = record()
      await store.transaction((tx) => store.claimIn(tx, again, window))
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, again, window)), { status: 'duplicate' })
    },
    async 'the window ends, and the key is free again'({ store, record, unitMs, passTime, claimed }) {
      const consumed = record()
      await store.transaction((tx) => store.claimIn(tx, consumed, { windowMs: unitMs }))
      await passTime(3 * unitMs)
      assert.deepEqual(await store.transaction((tx) => store.claimIn(tx, consumed, { windowMs: unitMs })), { status: 'claimed' })
      await passTime(3 * unitMs)
      await claimed(store, consumed)
    },
    async "a key held by somebody else's lease is busy; with one's own claim it is claimed"({
      store,
      other,
      record,
      claimed,
      assertDuplicate,
    }) {
      const claim = await claimed(store, record())
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, claim.record, window)), { status: 'busy' })
      const run = store.transaction((tx) => store.claimIn(tx, claim.record, { ...window, claim }))
      assert.deepEqual(await run, { status: 'claimed' })
      await assertDuplicate(other, claim.record)
    },
    async "one's own claim holds the key after its lease has ended, too"({ store, other, record, lapsed, assertDuplicate }) {
      const claim = await lapsed(store, record())
      const run = store.transaction((tx) => store.claimIn(tx, claim.record, { ...window, claim }))
      assert.deepEqual(await run, { status: 'claimed' })
      await assertDuplicate(other, claim.record)
    },
    async 'a superseded claim is busy, and changes nothing'({ store, other, record, superseded }) {
      const { old, newer } = await superseded(record())
      const run = store.transaction((tx) => store.claimIn(tx, old.record, { ...window, claim: old }))
      assert.deepEqual(await run, { status: 'busy' })
      assert.equal(await other.renew(newer, longMs), true)
      assert.equal(await other.complete(newer, longMs), true)
    },
    async 'a superseded claim stays busy when the newer one has lapsed, or was released'({
      store,
      other,
      record,
      lapsed,
      superseded,
      claimed,
    }) {
      const old = await lapsed(store, record())
      await lapsed(other, old.record)
      assert.deepEqual(await store.transaction((tx) => store.claimIn(tx, old.record, { ...window, claim: old })), { status: 'busy' })
      const { old: older, newer } = await superseded(record())
      await other.release(newer, { attempts: 1, lapses: 1, restMs: 0 })
      assert.deepEqual(await store.transaction((tx) => store.claimIn(tx, older.record, { ...window, claim: older })), { status: 'busy' })
      const next = await claimed(other, older.record)
      assert.deepEqual([next.attempts, next.lapses], [1, 1])
    },
    async 'a lapsed lease of somebody else is no obstacle'({ store, other, record, lapsed, assertDuplicate }) {
      const claim = await lapsed(store, record())
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, claim.record, window)), { status: 'claimed' })
      await assertDuplicate(store, claim.record)
    },
    async 'a resting key is busy'({ store, other, record, unitMs, passTime, claimed }) {
      const claim = await claimed(store, record())
      await store.release(claim, { attempts: 1, lapses: 0, restMs: longMs })
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, claim.record, window)), { status: 'busy' })
      const short = await claimed(store, record())
      await store.release(short, { attempts: 1, lapses: 0, restMs: unitMs })
      await passTime(2 * unitMs)
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, short.record, window)), { status: 'claimed' })
    },
    async 'it raises the token: an older claim is fenced off by the commit'({ store, other, record, lapsed, assertDuplicate }) {
      const claim = await lapsed(store, record())
      await other.transaction((tx) => other.claimIn(tx, claim.record, window))
      assert.equal(await store.complete(claim, longMs), false)
      assert.equal(await store.renew(claim, longMs), false)
      assert.equal(await store.release(claim, { attempts: 1, lapses: 0, restMs: 0 }), false)
      await assertDuplicate(store, claim.record)
    },
    async 'a rollback leaves the claim handed in as it was'({ store, other, record, claimed, assertBusy }) {
      const claim = await claimed(store, record())
      const run = store.transaction(async (tx) => {
        await store.claimIn(tx, claim.record, { ...window, claim })
        throw new Error('rolled back')
      })
      await assert.rejects(run)
      await assertBusy(other, claim.record)
      assert.equal(await store.release(claim, { attempts: 1, lapses: 0, restMs: 0 }), true)
    },
  }
}
