import assert from 'node:assert/strict'
import { longMs } from './stage.js'
import type { Claim, Store } from '../../src/index.js'
import type { Cases } from './stage.js'

const remember = { attempts: 9, lapses: 9, restMs: longMs }

/** Nothing that `claim` can do is done any more. */
async function assertFencedOff(store: Store, claim: Claim): Promise<void> {
  assert.equal(await store.complete(claim, longMs), false, 'complete')
  assert.equal(await store.renew(claim, longMs), false, 'renew')
  assert.equal(await store.release(claim, remember), false, 'release')
}

/** What renew, complete and release may do, and when they may no more. */
export const fencing: Cases<Store> = {
  async 'a stalled holder changes nothing once a newer claim holds the key'({
    store,
    other,
    record,
    superseded,
    assertBusy,
    assertDuplicate,
  }) {
    const { old, newer } = await superseded(record())
    await assertFencedOff(store, old)
    await assertBusy(store, old.record)
    assert.equal(await other.renew(newer, longMs), true)
    assert.equal(await other.complete(newer, longMs), true)
    await assertDuplicate(store, old.record)
  },
  async 'nor once the newer claim is completed'({ store, other, record, superseded, assertDuplicate }) {
    const { old, newer } = await superseded(record())
    await other.complete(newer, longMs)
    await assertFencedOff(store, old)
    await assertDuplicate(store, old.record)
  },
  async 'nor once the newer claim is released'({ store, other, record, superseded, claimed }) {
    const { old, newer } = await superseded(record())
    await other.release(newer, { attempts: 2, lapses: 1, restMs: 0 })
    await assertFencedOff(store, old)
    const next = await claimed(store, old.record)
    assert.deepEqual([next.attempts, next.lapses], [2, 1])
  },
  async 'nor once the newer claim has lapsed as well'({ store, other, record, lapsed, claimed }) {
    const old = await lapsed(store, record())
    await lapsed(other, old.record)
    await assertFencedOff(store, old)
    assert.equal((await claimed(other, old.record)).lapses, 2)
  },

  async 'after a lapse without a newer claim, renew holds the key again'({ store, other, record, lapsed, assertBusy }) {
    const claim = await lapsed(store, record())
    assert.equal(await store.renew(claim, longMs), true)
    await assertBusy(other, claim.record)
    assert.equal(await store.complete(claim, longMs), true)
  },
  async 'after a lapse without a newer claim, complete succeeds'({ store, other, record, lapsed, assertDuplicate }) {
    const claim = await lapsed(store, record())
    assert.equal(await store.complete(claim, longMs), true)
    await assertDuplicate(other, claim.record)
  },
  async 'after a lapse without a newer claim, release succeeds, and no lapse is added'({ store, other, record, lapsed, claimed }) {
    const claim = await lapsed(store, record())
    assert.equal(await store.release(claim, { attempts: 1, lapses: 0, restMs: 0 }), true)
    const next = await claimed(other, claim.record)
    assert.deepEqual([next.attempts, next.lapses], [1, 0])
  },

  async 'complete answers true again'({ store, other, record, claimed, assertDuplicate }) {
    const claim = await claimed(store, record())
    assert.equal(await store.complete(claim, longMs), true)
    assert.equal(await other.complete(claim, longMs), true)
    await assertDuplicate(other, claim.record)
  },
  async 'a completed claim is neither renewed nor released'({ store, record, claimed, assertDuplicate }) {
    const claim = await claimed(store, record())
    await store.complete(claim, longMs)
    assert.equal(await store.renew(claim, longMs), false)
    assert.equal(await store.release(claim, { attempts: 0, lapses: 0, restMs: 0 }), false)
    await assertDuplicate(store, claim.record)
  },
  async 'a released claim is neither renewed nor released again'({ store, other, record, claimed }) {
    const claim = await claimed(store, record())
    await store.release(claim, { attempts: 1, lapses: 0, restMs: 0 })
    assert.equal(await store.renew(claim, longMs), false)
    assert.equal(await store.release(claim, remember), false)
    assert.equal((await claimed(other, claim.record)).attempts, 1)
  },
  async 'a released claim is still completed during its rest'({ store, other, record, claimed, assertDuplicate }) {
    const claim = await claimed(store, record())
    await store.release(claim, { attempts: 0, lapses: 0, restMs: longMs })
    assert.equal(await store.complete(claim, longMs), true)
    await assertDuplicate(other, claim.record)
  },
  async 'a released claim is still completed after its rest'({ store, other, record, claimed, assertDuplicate }) {
    const claim = await claimed(store, record())
    await store.release(claim, { attempts: 0, lapses: 0, restMs: 0 })
    assert.equal(await store.complete(claim, longMs), true)
    await assertDuplicate(other, claim.record)
  },
  async 'a released claim is not completed once there is a newer one'({ store, other, record, claimed, assertDuplicate }) {
    const claim = await claimed(store, record())
    await store.release(claim, { attempts: 0, lapses: 0, restMs: 0 })
    const newer = await claimed(other, claim.record)
    await assertFencedOff(store, claim)
    assert.equal(await other.complete(newer, longMs), true)
    await assertDuplicate(store, claim.record)
  },
  async 'a forgotten claim is neither renewed nor released'({ store, record, unitMs, lapsed, passTime, claimed }) {
    const claim = await lapsed(store, record(), { memoryMs: unitMs })
    await passTime(2 * unitMs)
    assert.equal(await store.renew(claim, longMs), false)
    assert.equal(await store.release(claim, remember), false)
    assert.equal((await claimed(store, claim.record)).attempts, 0)
  },
  async 'a forgotten claim is still completed: work that was done is not to be done again'(stage) {
    const { store, other, record, unitMs, lapsed, passTime, assertDuplicate } = stage
    const claim = await lapsed(store, record(), { memoryMs: unitMs })
    await passTime(2 * unitMs)
    assert.equal(await store.complete(claim, longMs), true)
    await assertDuplicate(other, claim.record)
  },
  async 'the later of two forgotten claims is completed, too, and then stands above the earlier'(stage) {
    const { store, other, record, unitMs, lapsed, passTime, assertDuplicate } = stage
    const earlier = await lapsed(store, record(), { memoryMs: unitMs })
    await passTime(2 * unitMs)
    const later = await lapsed(other, earlier.record, { memoryMs: unitMs })
    await passTime(2 * unitMs)
    assert.equal(await store.complete(earlier, longMs), true)
    assert.equal(await other.complete(later, longMs), true)
    assert.equal(await store.complete(earlier, longMs), false)
    await assertDuplicate(store, earlier.record)
  },

  async 'a race of complete and claim over a lapsed claim has one winner'({ store, other, record, unitMs, claimed, claim, passTime }) {
    const claims = await Promise.all(Array.from({ length: 24 }, () => claimed(store, record(), { leaseMs: unitMs })))
    await passTime(2 * unitMs)
    const races = claims.map((mine) => Promise.all([store.complete(mine, longMs), claim(other, mine.record)]))
    for (const [completed, taken] of await Promise.all(races)) assert.equal(taken.status, completed ? 'duplicate' : 'claimed')
  },
  async 'a race of renew and claim over a lapsed claim has one winner'({ store, other, record, unitMs, claimed, claim, passTime }) {
    const claims = await Promise.all(Array.from({ length: 24 }, () => claimed(store, record(), { leaseMs: unitMs })))
    await passTime(2 * unitMs)
    const races = claims.map((mine) => Promise.all([store.renew(mine, longMs), claim(other, mine.record)]))
    for (const [renewed, taken] of await Promise.all(races)) assert.equal(taken.status, renewed ? 'busy' : 'claimed')
  },
  async 'a race of complete and release leaves the key consumed'({ store, other, record, claimed, assertDuplicate }) {
    const claims = await Promise.all(Array.from({ length: 24 }, () => claimed(store, record())))
    const races = claims.map((mine) =>
      Promise.all([store.complete(mine, longMs), other.release(mine, { attempts: 1, lapses: 0, restMs: 0 })]),
    )
    for (const [completed] of await Promise.all(races)) assert.equal(completed, true)
    for (const { record: consumed } of claims) await assertDuplicate(store, consumed)
  },
  async '64 claims at once over a lapsed claim: one wins, with one lapse'({ store, other, openMore, record, lapsed, claim }) {
    const { record: wanted } = await lapsed(store, record())
    const handles = [store, other, ...(await openMore(2))]
    const results = await Promise.all(Array.from({ length: 16 }, () => handles.map((handle) => claim(handle, wanted))).flat())
    const wins = results.flatMap((result) => (result.status === 'claimed' ? [result.claim] : []))
    assert.deepEqual(
      wins.map(({ lapses }) => lapses),
      [1],
    )
    assert.equal(results.filter(({ status }) => status === 'busy').length, 63)
  },
}
