import { describe, expect, test, vi } from 'vitest'
import { TransactionConflictError, backOff, systemRandom, tryAgain } from 'hapax'
import { manualClock } from 'hapax/testing'
import { openHooks } from '../../../src/hooks.js'
import { openOutage } from '../../../src/outage.js'
import type { Trouble } from 'hapax'

const refused = (): Promise<never> => Promise.reject(new Error('connection refused'))

describe('trying again', () => {
  test('waits longer each time, up to two seconds, less up to half of it by chance', () => {
    expect([1, 2, 3, 6, 7, 100].map((failures) => backOff(failures, 0))).toEqual([50, 100, 200, 1_600, 2_000, 2_000])
    expect(backOff(7, 0.999)).toBe(1_001)
  })

  test('goes on for as long as it was told, and not much less', async () => {
    const clock = manualClock()
    const step = vi.fn(refused)
    const tried = tryAgain({ clock, random: systemRandom }, step, { forMs: 10_000 })
    await clock.advance(9_999)
    let over = false
    void tried.then(() => (over = true))
    await clock.settle()
    expect(over).toBe(false)
    await clock.advance(1)
    expect(await tried).toMatchObject({ done: false, error: { message: 'connection refused' } })
    expect(clock.pending()).toBe(0)
  })

  test('tries once at least, and no more once the signal has aborted', async () => {
    const step = vi.fn(refused)
    const tried = await tryAgain({ clock: manualClock(), random: systemRandom }, step, { signal: AbortSignal.abort() })
    expect(tried.done).toBe(false)
    expect(step).toHaveBeenCalledTimes(1)
  })
})

describe('an outage', () => {
  test('is told once when it begins, and once when nothing fails any more', () => {
    const troubles: Trouble[] = []
    const outage = openOutage(openHooks({ onTrouble: (trouble) => troubles.push(trouble) }), 'billing.charge')
    const [completing, releasing] = [outage.follow(), outage.follow()]
    completing.fault(new Error('read-only'))
    completing.fault(new Error('read-only'))
    releasing.fault(new Error('read-only'))
    // Reads that work say nothing about writes that do not.
    outage.succeeded(undefined)
    outage.succeeded(completing)
    expect(troubles.map(({ kind, what }) => [kind, what])).toEqual([['store-away', 'store']])
    releasing.givenUp()
    expect(troubles).toHaveLength(1)
    outage.succeeded(undefined)
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away', 'recovered'])
  })

  test('is not a record that somebody else has in an open transaction', () => {
    const troubles: Trouble[] = []
    const outage = openOutage(openHooks({ onTrouble: (trouble) => troubles.push(trouble) }), 'billing.charge')
    const releasing = outage.follow()
    releasing.fault(new TransactionConflictError('being consumed by another'))
    outage.succeeded(releasing)
    expect(troubles).toEqual([])
  })
})
