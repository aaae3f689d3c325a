import assert from 'node:assert/strict'
import { systemRandom } from '../../src/index.js'
import { longMs } from './stage.js'
import type { Store } from '../../src/index.js'
import type { Cases } from './stage.js'

/** Who gets a key, and what the next one learns. */
export const claiming: Cases<Store> = {
  async 'a key never seen is claimed, with nothing to remember'({ store, record, claim }) {
    const free = record()
    const result = await claim(store, free)
    assert.equal(result.status, 'claimed')
    const { token } = result.claim
    assert.ok(Number.isSafeInteger(token) && token > 0, `the token is ${token}`)
    assert.deepEqual(result, { status: 'claimed', claim: { record: free, token, attempts: 0, lapses: 0 } })
  },
  async 'a claimed key is busy for everybody else, for what is left of its lease'({ store, other, record, claim, claimed, assertBusy }) {
    const held = record()
    await claimed(store, held)
    await assertBusy(store, held)
    await assertBusy(other, held)
    const result = await claim(other, held)
    assert.ok(result.status === 'busy' && result.retryInMs > longMs / 2, `answered ${JSON.stringify(result)}`)
  },
  async 'of 64 claims at once one wins, and every other is told busy'({ store, other, openMore, record, claim }) {
    const wanted = record()
    const handles = [store, other, ...(await openMore(2))]
    const results = await Promise.all(Array.from({ length: 16 }, () => handles.map((handle) => claim(handle, wanted))).flat())
    assert.equal(results.filter(({ status }) => status === 'claimed').length, 1)
    assert.equal(results.filter(({ status }) => status === 'busy').length, 63)
  },
  async '64 keys at once are all claimed'({ store, record, claimed }) {
    const records = Array.from({ length: 64 }, () => record())
    const claims = await Promise.all(records.map((each) => claimed(store, each)))
    assert.deepEqual(
      claims.map((claim) => claim.record),
      records,
    )
  },
  async 'a consumed key is a duplicate for everybody, at once'({ store, other, record, claimed, assertDuplicate }) {
    const consumed = record()
    const nonce = systemRandom.nonce()
    assert.equal(await store.complete(await claimed(store, consumed, { nonce }), longMs), true)
    await assertDuplicate(store, consumed)
    await assertDuplicate(other, consumed)
    await assertDuplicate(store, consumed, { nonce })
  },
  async 'a claim is plain data: another process can complete it'({ store, other, record, claimed, assertDuplicate }) {
    const claim = await claimed(store, record())
    assert.equal(await other.complete(JSON.parse(JSON.stringify(claim)) as typeof claim, longMs), true)
    await assertDuplicate(store, claim.record)
  },

  async 'a claim sent again with its nonce is the same claim'({ store, other, record, claimed, assertBusy }) {
    const nonce = systemRandom.nonce()
    const first = await claimed(store, record(), { nonce })
    assert.deepEqual(await claimed(other, first.record, { nonce }), first)
    await assertBusy(other, first.record)
    assert.equal(await store.complete(first, longMs), true)
  },
  async 'sent 64 times at once it is one claim'({ store, other, record, claimed }) {
    const wanted = record()
    const nonce = systemRandom.nonce()
    const claims = await Promise.all(Array.from({ length: 64 }, (_, index) => claimed(index % 2 ? store : other, wanted, { nonce })))
    for (const claim of claims) assert.deepEqual(claim, claims[0])
  },
  async 'sent again, its lease starts again'({ store, other, record, passTime, patiently, claimed, assertBusy }) {
    await patiently(12, async (unitMs) => {
      const given = { nonce: systemRandom.nonce(), leaseMs: 8 * unitMs }
      const first = await claimed(store, record(), given)
      await passTime(5 * unitMs)
      assert.deepEqual(await claimed(store, first.record, given), first)
      await passTime(5 * unitMs)
      await assertBusy(other, first.record)
    })
  },
  async 'sent again after its lease has ended, it is the same claim, without a lapse'({
    store,
    other,
    record,
    lapsed,
    claimed,
    assertBusy,
  }) {
    const nonce = systemRandom.nonce()
    const first = await lapsed(store, record(), { nonce })
    assert.deepEqual(await claimed(store, first.record, { nonce }), first)
    await assertBusy(other, first.record)
  },
  async 'sent again after a newer claim, it is busy'({ store, other, record, lapsed, claimed, assertBusy }) {
    const nonce = systemRandom.nonce()
    const { record: wanted } = await lapsed(store, record(), { nonce })
    const newer = await claimed(other, wanted)
    await assertBusy(store, wanted, { nonce })
    assert.equal(await other.complete(newer, longMs), true)
  },
  async 'sent again after its release, it is busy even when the rest is over'({ store, record, unitMs, passTime, claimed, assertBusy }) {
    const nonce = systemRandom.nonce()
    const claim = await claimed(store, record(), { nonce })
    assert.equal(await store.release(claim, { attempts: 1, lapses: 0, restMs: unitMs }), true)
    await assertBusy(store, claim.record, { nonce })
    await passTime(2 * unitMs)
    await assertBusy(store, claim.record, { nonce })
    assert.equal((await claimed(store, claim.record)).attempts, 1)
  },
  async 'one nonce on two keys makes two claims'({ store, record, claimed, assertDuplicate }) {
    const nonce = systemRandom.nonce()
    const one = await claimed(store, record(), { nonce })
    const two = await claimed(store, record(), { nonce })
    assert.equal(await store.complete(one, longMs), true)
    assert.equal(await store.renew(two, longMs), true)
    await assertDuplicate(store, one.record)
  },

  async 'a release says what the next claim remembers'({ store, other, record, claimed }) {
    const first = await claimed(store, record())
    assert.equal(await store.release(first, { attempts: 3, lapses: 2, restMs: 0 }), true)
    const second = await claimed(other, first.record)
    assert.deepEqual(second, { record: first.record, token: second.token, attempts: 3, lapses: 2 })
    assert.equal(await other.release(second, { attempts: 0, lapses: 0, restMs: 0 }), true)
    const third = await claimed(store, first.record)
    assert.deepEqual(third, { record: first.record, token: third.token, attempts: 0, lapses: 0 })
  },
  async 'each lease that ends with its claim adds one lapse'({ store, other, record, lapsed, claimed }) {
    const { record: killer } = await lapsed(store, record())
    assert.equal((await lapsed(other, killer)).lapses, 1)
    assert.equal((await lapsed(store, killer)).lapses, 2)
    assert.equal((await claimed(other, killer)).lapses, 3)
  },
  async 'lapses and attempts add up over release and crash'({ store, other, record, lapsed, claimed }) {
    const first = await claimed(store, record())
    await store.release(first, { attempts: 3, lapses: 1, restMs: 0 })
    const second = await lapsed(other, first.record)
    assert.deepEqual([second.attempts, second.lapses], [3, 1])
    const third = await claimed(store, first.record)
    assert.deepEqual([third.attempts, third.lapses], [3, 2])
    await store.release(third, { attempts: 4, lapses: third.lapses, restMs: 0 })
    const fourth = await claimed(other, first.record)
    assert.deepEqual([fourth.attempts, fourth.lapses], [4, 2])
  },
  async 'every claim has a greater token, whatever ended the one before'({ store, other, record, lapsed, claimed }) {
    const first = await lapsed(store, record())
    const second = await claimed(other, first.record)
    await other.release(second, { attempts: 1, lapses: 0, restMs: 0 })
    const third = await claimed(store, first.record)
    const tokens = [first.token, second.token, third.token]
    assert.ok(first.token < second.token && second.token < third.token, `the tokens are ${tokens.join(', ')}`)
  },
}
