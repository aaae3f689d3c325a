import assert from 'node:assert/strict'
import { recordKey, systemRandom } from '../../src/index.js'
import { longMs } from './stage.js'
import type { Claim, Store } from '../../src/index.js'
import type { Cases, Opened } from './stage.js'
import type { SuiteCase } from '../suite.js'

/** Keys that a text column, a collation, a pattern or a protocol may take for one another, or choke on. */
const hostileKeys: readonly string[] = [
  '',
  ' ',
  'order',
  'Order',
  'ORDER',
  ' order',
  'order ',
  'order  ',
  'order\t',
  'order\n',
  'order\r\n',
  'order\0',
  'order\0\0',
  '\0',
  'a:b',
  'a:b:',
  'a::b',
  '%',
  '%00',
  '%3a',
  '%25',
  '_',
  'o_der',
  'ord%',
  '*',
  '?',
  '[order]',
  '{order}',
  '{}',
  '{order',
  '}order{',
  '"order"',
  "'order'",
  "'; drop table orders; --",
  '\\',
  '\\0',
  '\u007f',
  '\ud800',
  '\udc00',
  '\ud800\ud801',
  '\ufffd',
  '\ufeff',
  '😀',
  '😁',
  '\ud83d',
  'é',
  'e\u0301',
  'e',
  'ß',
  'ss',
  'ı',
  'i',
  'İ',
  'I',
  'ﬁ',
  'fi',
  '1',
  '1.0',
  '01',
  '１',
  'null',
  'undefined',
  'true',
  'ключ',
  '鍵',
  'x'.repeat(200),
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(10_000),
  `${'x'.repeat(10_000)}y`,
  `y${'x'.repeat(10_000)}`,
  '鍵'.repeat(84),
  '鍵'.repeat(85),
  '鍵'.repeat(3_000),
]

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
