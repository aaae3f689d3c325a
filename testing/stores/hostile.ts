import assert from 'node:assert/strict'
import { recordKey, systemRandom } from '../../src/index.js'
import { hostileKeys, hostileTexts } from '../hostile-texts.js'
import { seededRandom } from '../seeded-random.js'
import { longMs } from './stage.js'
import type { Claim, Store } from '../../src/index.js'
import type { Cases, Opened } from './stage.js'
import type { SuiteCase } from '../suite.js'

/** Nonces beyond what `Random.nonce` makes, which is letters, digits and dashes. */
const hostileNonces: readonly string[] = [
  'a',
  'A',
  'a b',
  ' a',
  'a ',
  'a  b',
  '1 2 3',
  'consumed 1',
  '%',
  "'",
  '"',
  '\\',
  '{}',
  'é',
  '😀',
  'x'.repeat(1_000),
]

/** What strangers put into keys, and what must not be mixed up. */
export const hostile: Cases<Store> = {
  async 'every hostile key is a key of its own'({ store, other, record, claimed, assertDuplicate }) {
    const records = hostileKeys.map(record)
    assert.equal(new Set(records).size, hostileKeys.length)
    const claims = await Promise.all(records.map((each) => claimed(store, each)))
    assert.deepEqual(
      claims.map((claim) => claim.record),
      records,
    )
    for (const [index, claim] of claims.entries()) {
      if (index % 2) assert.equal(await store.complete(claim, longMs), true)
      else assert.equal(await store.release(claim, { attempts: index, lapses: 0, restMs: 0 }), true)
    }
    for (const [index, each] of records.entries()) {
      if (index % 2) await assertDuplicate(other, each)
      else assert.equal((await claimed(other, each)).attempts, index, JSON.stringify(hostileKeys[index]))
    }
  },
  async 'keys that chance has made of what is delicate are keys of their own'({ store, other, record, claimed, assertDuplicate }) {
    const records = hostileTexts(seededRandom(1), 200).map(record)
    assert.equal(new Set(records).size, records.length)
    const claims = await Promise.all(records.map((each) => claimed(store, each)))
    for (const [index, claim] of claims.entries()) if (index % 2) assert.equal(await store.complete(claim, longMs), true)
    for (const [index, each] of records.entries()) {
      if (index % 2) await assertDuplicate(other, each)
      else assert.equal((await other.claim(each, { nonce: 'another', leaseMs: longMs, memoryMs: longMs })).status, 'busy')
    }
  },
  async 'the same key in two scopes is two records, wherever the colon stands'({ store, claimed, assertDuplicate }) {
    const unique = systemRandom.nonce()
    const records = [
      recordKey(`${unique}:b`, 'c'),
      recordKey(unique, 'b:c'),
      recordKey(`${unique}:b:c`, ''),
      recordKey(`${unique}%3ab`, 'c'),
      recordKey(unique.toUpperCase(), 'b:c'),
    ]
    const claims = await Promise.all(records.map((each) => claimed(store, each)))
    for (const claim of claims) assert.equal(await store.complete(claim, longMs), true)
    for (const each of records) await assertDuplicate(store, each)
  },
  async 'a nonce may hold anything that can be printed, and is compared to the last blank'({ store, other, record, claimed, assertBusy }) {
    for (const nonce of hostileNonces) {
      const claim = await claimed(store, record(), { nonce })
      assert.deepEqual(await claimed(other, claim.record, { nonce }), claim)
      for (const another of hostileNonces) if (another !== nonce) await assertBusy(other, claim.record, { nonce: another })
      assert.equal(await store.renew(claim, longMs), true)
      assert.equal(await store.release(claim, { attempts: 1, lapses: 0, restMs: 0 }), true)
      await assertBusy(other, claim.record, { nonce })
    }
  },
  async 'counts are kept to the last'({ store, record, claimed }) {
    const claim = await claimed(store, record())
    await store.release(claim, { attempts: 2 ** 31 - 1, lapses: 70_000, restMs: 0 })
    const next = await claimed(store, claim.record)
    assert.deepEqual([next.attempts, next.lapses], [2 ** 31 - 1, 70_000])
  },
  async 'the longest times are kept, and what is left of them can be told'({ store, other, record, claimed, assertDuplicate }) {
    const longest = 2 ** 50
    const claim = await claimed(store, record(), { leaseMs: longest, memoryMs: longest })
    assert.equal(await store.renew(claim, longest), true)
    const busy = await other.claim(claim.record, { nonce: 'another', leaseMs: longest, memoryMs: longest })
    assert.ok(busy.status === 'busy' && busy.retryInMs > longest / 2, `it is ${JSON.stringify(busy)}`)
    assert.equal(await store.complete(claim, longest), true)
    await assertDuplicate(other, claim.record)
    const resting = await claimed(store, record(), { memoryMs: longest })
    assert.equal(await store.release(resting, { attempts: 1, lapses: 0, restMs: longest }), true)
    assert.equal((await other.claim(resting.record, { nonce: 'another', leaseMs: longest, memoryMs: longest })).status, 'busy')
  },
  async 'a good backend passes the check'({ store }) {
    await store.check(() => undefined)
  },
}

/** A fault throws: it never looks like an answer. */
export function faults(openUnreachable: () => Promise<Opened<Store>> | Opened<Store>): readonly SuiteCase[] {
  const claim: Claim = { record: recordKey('suite', 'unreachable'), token: 1, attempts: 0, lapses: 0 }
  const steps: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
    check: (store) => store.check(() => undefined),
    claim: (store) => store.claim(claim.record, { nonce: 'unreachable', leaseMs: longMs, memoryMs: longMs }),
    renew: (store) => store.renew(claim, longMs),
    complete: (store) => store.complete(claim, longMs),
    release: (store) => store.release(claim, { attempts: 0, lapses: 0, restMs: 0 }),
  }
  return Object.entries(steps).map(([name, step]) => ({
    name: `${name} rejects when the backend cannot be reached`,
    async run() {
      const { store, close } = await openUnreachable()
      try {
        await assert.rejects(
          async () => step(store),
          (error: unknown) => !(error instanceof TypeError),
        )
      } finally {
        await close()
      }
    },
  }))
}
