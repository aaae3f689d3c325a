import assert from 'node:assert/strict'
import { longMs } from './stage.js'
import type { Store } from '../../src/index.js'
import type { Cases } from './stage.js'

/** When things end, and that they do not end before. */
export const time: Cases<Store> = {
  async 'a lease does not end early, and asking does not prolong it'({ store, other, record, passTime, patiently, claimed, assertBusy }) {
    await patiently(7.5, async (unitMs) => {
      const { record: held } = await claimed(store, record(), { leaseMs: 8 * unitMs })
      await passTime(6 * unitMs)
      await assertBusy(other, held)
      await passTime(3 * unitMs)
      assert.equal((await claimed(other, held)).lapses, 1)
    })
  },
  async 'retryInMs is what is left'({ store, other, record, passTime, patiently, claimed, claim }) {
    await patiently(7.5, async (unitMs) => {
      const { record: held } = await claimed(store, record(), { leaseMs: 8 * unitMs })
      await passTime(4 * unitMs)
      const result = await claim(other, held)
      assert.ok(result.status === 'busy' && result.retryInMs <= 4 * unitMs + 5, `answered ${JSON.stringify(result)}`)
      await passTime(result.retryInMs + 10)
      await claimed(other, held)
    })
  },
  async 'renewing starts the lease again'({ store, other, record, passTime, patiently, claimed, assertBusy }) {
    await patiently(12, async (unitMs) => {
      const claim = await claimed(store, record(), { leaseMs: 8 * unitMs })
      await passTime(5 * unitMs)
      assert.equal(await store.renew(claim, 8 * unitMs), true)
      await passTime(5 * unitMs)
      await assertBusy(other, claim.record)
      await passTime(5 * unitMs)
      assert.equal((await claimed(other, claim.record)).lapses, 1)
    })
  },
  async 'after a release the key is busy for everybody until its rest is over'({
    store,
    other,
    record,
    passTime,
    patiently,
    claimed,
    assertBusy,
  }) {
    await patiently(7.5, async (unitMs) => {
      const claim = await claimed(store, record())
      assert.equal(await store.release(claim, { attempts: 1, lapses: 0, restMs: 8 * unitMs }), true)
      await assertBusy(store, claim.record)
      await passTime(6 * unitMs)
      await assertBusy(other, claim.record)
      await passTime(3 * unitMs)
      const next = await claimed(other, claim.record)
      assert.deepEqual([next.attempts, next.lapses], [1, 0])
    })
  },
  async 'a consumed key stays a duplicate for its window, asking does not prolong it, and then nothing is remembered'(stage) {
    const { store, other, record, passTime, patiently, claimed, assertDuplicate } = stage
    await patiently(7.5, async (unitMs) => {
      const first = await claimed(store, record())
      await store.release(first, { attempts: 2, lapses: 2, restMs: 0 })
      const second = await claimed(store, first.record)
      assert.equal(await store.complete(second, 8 * unitMs), true)
      await passTime(6 * unitMs)
      await assertDuplicate(other, first.record)
      await passTime(3 * unitMs)
      const next = await claimed(other, first.record)
      assert.deepEqual([next.attempts, next.lapses], [0, 0])
      assert.ok(next.token > second.token, `${next.token} came after ${second.token}`)
    })
  },
  async 'the window is not the lease: it outlasts a short one, and ends before a long one'(stage) {
    const { store, record, unitMs, passTime, claimed, assertDuplicate } = stage
    const short = await claimed(store, record(), { leaseMs: unitMs, memoryMs: unitMs })
    const long = await claimed(store, record())
    await store.complete(short, longMs)
    await store.complete(long, unitMs)
    await passTime(3 * unitMs)
    await assertDuplicate(store, short.record)
    await claimed(store, long.record)
  },

  async 'a record outlives its lease by its memory'({ store, record, passTime, patiently, claimed }) {
    await patiently(15, async (unitMs) => {
      const { record: held } = await claimed(store, record(), { leaseMs: 8 * unitMs, memoryMs: 8 * unitMs })
      await passTime(11 * unitMs)
      assert.equal((await claimed(store, held)).lapses, 1)
    })
  },
  async 'a record outlives its renewed lease by its memory'({ store, record, passTime, patiently, claimed }) {
    await patiently(12, async (unitMs) => {
      const claim = await claimed(store, record(), { leaseMs: unitMs, memoryMs: 8 * unitMs })
      assert.equal(await store.renew(claim, 5 * unitMs), true)
      await passTime(10 * unitMs)
      assert.equal((await claimed(store, claim.record)).lapses, 1)
    })
  },
  async 'a record outlives its rest by its memory'({ store, record, passTime, patiently, claimed }) {
    await patiently(15, async (unitMs) => {
      const claim = await claimed(store, record(), { leaseMs: unitMs, memoryMs: 8 * unitMs })
      assert.equal(await store.release(claim, { attempts: 4, lapses: 0, restMs: 8 * unitMs }), true)
      await passTime(11 * unitMs)
      assert.equal((await claimed(store, claim.record)).attempts, 4)
    })
  },
  async 'attempts are forgotten when the memory is over'({ store, record, unitMs, passTime, claimed }) {
    const claim = await claimed(store, record(), { memoryMs: unitMs })
    await store.release(claim, { attempts: 4, lapses: 4, restMs: 0 })
    await passTime(3 * unitMs)
    const next = await claimed(store, claim.record)
    assert.deepEqual([next.attempts, next.lapses], [0, 0])
    assert.ok(next.token > claim.token, `${next.token} came after ${claim.token}`)
  },
  async 'lapses are forgotten when the memory is over'({ store, record, unitMs, passTime, lapsed, claimed }) {
    const claim = await lapsed(store, record(), { memoryMs: unitMs })
    await passTime(3 * unitMs)
    const next = await claimed(store, claim.record)
    assert.deepEqual([next.attempts, next.lapses], [0, 0])
    assert.ok(next.token > claim.token, `${next.token} came after ${claim.token}`)
  },

  async 'tokens grow for as long as a key is claimed, forgotten and claimed again'({ store, other, record, passTime, claim }) {
    const worn = record()
    const tokens: number[] = []
    for (let turn = 0; turn < 400 && tokens.length < 40; turn += 1) {
      const result = await claim(turn % 2 ? store : other, worn, { leaseMs: 1, memoryMs: 1 })
      if (result.status === 'claimed') {
        tokens.push(result.claim.token)
        if (turn % 3 === 0) await store.complete(result.claim, 1)
        if (turn % 3 === 1) await store.release(result.claim, { attempts: 0, lapses: 0, restMs: 0 })
      } else await passTime(1)
    }
    assert.equal(tokens.length, 40)
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].sort((one, two) => one - two),
    )
  },
  async 'what takes a month is held for a month'({ store, other, record, claim, claimed, assertDuplicate }) {
    const monthMs = 31 * 86_400_000
    const held = await claimed(store, record(), { leaseMs: monthMs, memoryMs: monthMs })
    const result = await claim(other, held.record)
    assert.ok(
      result.status === 'busy' && result.retryInMs > monthMs - longMs && result.retryInMs <= monthMs,
      `answered ${JSON.stringify(result)}`,
    )
    assert.equal(await store.complete(held, monthMs), true)
    await assertDuplicate(other, held.record)
  },
  async 'a fraction of a millisecond is no fault'({ store, record, passTime, claimed }) {
    const claim = await claimed(store, record(), { leaseMs: 0.5, memoryMs: longMs + 0.5 })
    assert.equal(await store.renew(claim, 1.5), true)
    assert.equal(await store.release(claim, { attempts: 0, lapses: 0, restMs: 0.5 }), true)
    await passTime(10)
    assert.equal(await store.complete(await claimed(store, claim.record), 0.5), true)
    await passTime(10)
    await claimed(store, claim.record)
  },
}
