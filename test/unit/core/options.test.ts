import { describe, expect, test } from 'vitest'
import { idempotent, inbox } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'

const good = { store: memoryStore(), scope: 'billing.charge', key: (order: { id: string }) => order.id }
const handler = (order: { id: string }): string => order.id

describe('nonsense is refused by an error that names the option, the value and a good one', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['store', { store: undefined }, /claim.*memoryStore\(\)/],
    ['store', { store: { claim: () => undefined } }, /missing: check, renew, complete, release/],
    ['scope', { scope: undefined }, /undefined.*'billing\.charge'/],
    ['scope', { scope: '' }, /""/],
    ['scope', { scope: 'x'.repeat(300) }, /1 to 200 characters/],
    ['key', { key: 'id' }, /"id".*\(order\) => order\.id/],
    ['leaseMs', { leaseMs: 10 }, /at least 50, and is 10; try 30000/],
    ['leaseMs', { leaseMs: 1.5 }, /1\.5/],
    ['leaseMs', { leaseMs: Number.NaN }, /NaN/],
    ['leaseMs', { leaseMs: Number.POSITIVE_INFINITY }, /Infinity/],
    ['leaseMs', { leaseMs: '30s' }, /"30s"/],
    ['windowMs', { windowMs: 0 }, /0/],
    ['windowMs', { windowMs: 600_000 }, /lease and all retry delays together \(30000 \+ 671000 ms\)/],
    ['windowMs', { windowMs: 100_000, maxAttempts: 2_000, retryDelaysMs: [1_000] }, /30000 \+ 1999000 ms/],
    ['maxAttempts', { maxAttempts: 0 }, /0.*try 5/],
    ['maxLapses', { maxLapses: 0 }, /0.*try 5/],
    ['maxRunMs', { maxRunMs: -1 }, /-1/],
    ['retryDelaysMs', { retryDelaysMs: [] }, /\[\].*\[1000,10000,60000,600000\]/],
    ['retryDelaysMs', { retryDelaysMs: [0] }, /\[0\]/],
    ['retryDelaysMs', { retryDelaysMs: 1_000 }, /1000/],
    ['storeTimeoutMs', { storeTimeoutMs: 20_000 }, /at most 7500, and is 20000; try 5000/],
    ['recordTimeoutMs', { recordTimeoutMs: -1 }, /-1/],
    ['overdueMs', { overdueMs: 0 }, /0/],
    ['whenBusy', { whenBusy: 'drop' }, /'postpone', 'wait'/],
    ['whenFailed', { whenFailed: 'drop' }, /"drop"/],
    ['whenStoreFails', { whenStoreFails: 'ignore' }, /'hold', 'run'/],
    ['onOutcome', { onOutcome: 'log' }, /"log"/],
    ['onTrouble', { onTrouble: {} }, /an object/],
  ])('%s %o', (option, wrong, message) => {
    const construct = (): unknown => idempotent(handler, { ...good, ...wrong })
    expect(construct).toThrow(
      expect.objectContaining({ code: 'configuration', option, message: expect.stringMatching(message) as string }) as Error,
    )
  })

  test('a handler that is none', () => {
    expect(() => idempotent(undefined as never, good)).toThrow(expect.objectContaining({ option: 'handler' }) as Error)
  })

  test('no options at all', () => {
    expect(() => idempotent(handler, undefined as never)).toThrow(expect.objectContaining({ option: 'options' }) as Error)
  })

  test('an inbox on a store without transactions', () => {
    const { transaction: _, ...store } = memoryStore()
    expect(() => inbox(handler, { ...good, store: store as never })).toThrow(/missing: transaction/)
  })

  test('undefined stands for the default', () => {
    expect(idempotent(handler, { ...good, windowMs: undefined, leaseMs: undefined }).settings).toMatchObject({
      windowMs: 86_400_000,
      leaseMs: 30_000,
    })
  })
})
