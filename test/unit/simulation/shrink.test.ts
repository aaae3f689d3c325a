import { describe, expect, test } from 'vitest'
import { planOf } from '../../../testing/simulation/planning.js'
import { shrink } from '../../../testing/simulation/shrink.js'
import type { Fault, Plan, PlannedMessage } from '../../../testing/simulation/plan.js'

const message = (id: string, key: string, more: Partial<PlannedMessage> = {}): PlannedMessage => ({
  id,
  key,
  orderingKey: key,
  atMs: 1_234,
  via: 'broker',
  forged: true,
  ...more,
})

const large: Plan = {
  seed: 9,
  settings: {
    leaseMs: 600,
    windowMs: 20_000,
    maxAttempts: 3,
    retryDelaysMs: [300],
    maxRunMs: 2_400,
    maxLapses: 3,
    transactionLimitMs: 20_000,
    recordTimeoutMs: 600,
    concurrency: 8,
    graceMs: 500,
    whenBusy: 'wait',
    whenFailed: 'wait',
    whenStoreFails: 'run',
    transitMs: 30,
    troubleMs: 16_000,
    broker: { duplicate: 0.4, loseAck: 0.1 },
  },
  workers: [
    { mode: 'lease', clock: { aheadMs: 300, rate: 1.001 }, coalesces: true },
    { mode: 'inbox', clock: { aheadMs: 0, rate: 0.999 }, coalesces: false },
    { mode: 'once', clock: { aheadMs: 0, rate: 1 }, coalesces: true },
    { mode: 'lease', clock: { aheadMs: -5_000, rate: 1 }, coalesces: true },
  ],
  messages: [
    message('m1', 'a'),
    message('m2', 'b'),
    message('m3', 'a', { via: 'once' }),
    message('m4', 'c', { atMs: 8_765 }),
    message('m5', 'b', { via: 'once' }),
  ],
  behaviours: {
    a: { how: 'kills', times: 1_000_000_000, beforeMs: 700, afterMs: 30, heeds: 'nothing', effectFirst: true },
    b: { how: 'fails', times: 2, beforeMs: 0, afterMs: 0, heeds: 'asks', effectFirst: false },
  },
  faults: [
    { what: 'store-away', how: 'deaf', when: { atMs: 4_321 }, forMs: 1_876 },
    { what: 'crash', worker: 1, when: { worker: 1, point: 'effect', nth: 4, side: 'after' }, downMs: 1_111 },
    { what: 'call', when: { worker: 2, point: 'claim', nth: 2, side: 'before' }, how: 'late-answer', byMs: 345 },
    { what: 'stall', worker: 3, when: { atMs: 99 }, forMs: 2_468 },
    { what: 'cut', worker: 0, from: 'store', how: 'silent', when: { worker: 0, point: 'renew', nth: 1, side: 'before' }, forMs: 700 },
  ],
}

const crashes = (worker: number) => (fault: Fault) => fault.what === 'crash' && fault.worker === worker
const has = (key: string) => (each: PlannedMessage) => each.key === key
const crashAndA = async ({ faults, messages }: Plan): Promise<boolean> => faults.some(crashes(1)) && messages.some(has('a'))

describe('shrinking', () => {
  test('takes out and makes plain all that does not matter', async () => {
    const { plan } = await shrink(large, crashAndA)
    expect(plan).toEqual({
      seed: 9,
      settings: {
        ...large.settings,
        windowMs: 3_600_000,
        maxAttempts: 1,
        maxLapses: 2,
        concurrency: 1,
        whenBusy: 'postpone',
        whenFailed: 'postpone',
        whenStoreFails: 'hold',
        transitMs: 2,
        troubleMs: 1_000,
        broker: {},
      },
      // The fault names the second.
      workers: Array.from({ length: 2 }, () => ({ mode: 'lease', clock: { aheadMs: 0, rate: 1 }, coalesces: false })),
      messages: [{ id: 'm1', key: 'a', orderingKey: undefined, atMs: 0, via: 'broker', forged: false }],
      behaviours: {},
      faults: [{ what: 'crash', worker: 1, when: { worker: 1, point: 'effect', nth: 1, side: 'after' }, downMs: 0 }],
    })
  })

  test('keeps what matters as it is, and makes plain what is beside it', async () => {
    const { plan } = await shrink(large, async ({ behaviours, settings, workers, faults }) => {
      const { a } = behaviours
      const slow = faults.some(
        (fault) => fault.what === 'store-away' && fault.forMs > 1_000 && 'atMs' in fault.when && fault.when.atMs >= 4_000,
      )
      return (
        a?.how === 'kills' && a.beforeMs > 500 && settings.broker.loseAck === 0.1 && workers.some(({ mode }) => mode === 'inbox') && slow
      )
    })
    expect(plan.behaviours).toEqual({ a: { how: 'kills', times: 1, beforeMs: 700, afterMs: 0, heeds: 'asks', effectFirst: false } })
    expect(plan.settings.broker).toEqual({ loseAck: 0.1 })
    expect(plan.workers).toEqual([{ mode: 'inbox', clock: { aheadMs: 0, rate: 1 }, coalesces: false }])
    expect(plan.messages).toMatchObject([{ key: 'a' }])
    expect(plan.faults).toEqual([{ what: 'store-away', how: 'deaf', when: { atMs: 4_000 }, forMs: 1_800 }])
    // Later than what is left to go wrong by the clock.
    expect(plan.settings.troubleMs).toBe(8_000)
  })

  test('has faults follow their worker when one before it is taken out', async () => {
    const { plan } = await shrink(large, async ({ faults }) => faults.some(({ what }) => what === 'stall'))
    expect(plan.workers).toHaveLength(1)
    expect(plan.faults).toEqual([{ what: 'stall', worker: 0, when: { atMs: 0 }, forMs: 0 }])
  })

  test('has a message taken out together with one of the times that a fault lets pass', async () => {
    // Whoever lies in wait for the nth effect strikes only if there are as many messages.
    const strikes = async ({ faults, messages }: Plan): Promise<boolean> =>
      faults.some(({ when }) => 'nth' in when && when.point === 'effect' && when.nth === messages.length)
    const start: Plan = { ...large, messages: large.messages.slice(0, 4) }
    expect(await strikes(start)).toBe(true)
    const { plan } = await shrink(start, strikes)
    expect(plan.messages).toHaveLength(1)
  })

  test('tries other noise where a smaller plan does not fail under its own', async () => {
    const stillFails = async ({ seed, messages }: Plan): Promise<boolean> => messages.length > 2 || (messages.length === 2 && seed === 3)
    const { plan } = await shrink(large, stillFails)
    expect(plan.messages).toHaveLength(2)
    expect(plan.seed).toBe(3)
  })

  test('leaves alone what cannot be smaller', async () => {
    const { plan: least } = await shrink(large, crashAndA)
    const played: Plan[] = []
    const again = await shrink(least, async (plan) => played.push(plan) > 0 && crashAndA(plan))
    expect(again.plan).toBe(least)
    expect(again.runs).toBe(played.length)
  })

  test('comes to the same by the same way each time, and never plays a plan twice', async () => {
    const way = async (): Promise<string[]> => {
      const played: string[] = []
      const { plan, runs } = await shrink(large, async (each) => {
        played.push(JSON.stringify(each))
        return crashAndA(each)
      })
      expect(played).toHaveLength(runs)
      return [...played, JSON.stringify(plan)]
    }
    const first = await way()
    expect(await way()).toEqual(first)
    const played = first.slice(0, -1)
    expect(new Set(played).size).toBe(played.length)
    expect(played).not.toContain(JSON.stringify(large))
  })

  test('plays no more plans than it may, and answers with the smallest until then', async () => {
    const smaller: [Plan, number][] = []
    const { plan, runs } = await shrink(large, crashAndA, { mostRuns: 12, onProgress: (...progress) => smaller.push(progress) })
    expect(runs).toBe(12)
    expect(smaller.length).toBeGreaterThan(2)
    expect(smaller.at(-1)?.[0]).toBe(plan)
    expect(smaller.map(([, after]) => after)).toEqual(smaller.map(([, after]) => after).toSorted((one, other) => one - other))
    for (const [each] of smaller) expect(await crashAndA(each)).toBe(true)
    expect(await crashAndA(plan)).toBe(true)
  })

  test('does not hide what playing a plan throws', async () => {
    await expect(shrink(large, () => Promise.reject(new Error('out of memory')))).rejects.toThrow('out of memory')
  })
})

test('every plan on the way can be played: someone is there for each message, each fault and each behaviour', async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    let played = 0
    // Fails now and then, so that all kinds of plans are come by.
    await shrink(planOf(seed, { forgets: true }), async (plan) => {
      const { workers, messages, behaviours, faults, settings } = plan
      expect(workers.length).toBeGreaterThan(0)
      for (const { via } of messages) expect(workers.some(({ mode }) => (via === 'once') === (mode === 'once'))).toBe(true)
      for (const key of Object.keys(behaviours)) expect(messages.some(has(key))).toBe(true)
      for (const fault of faults) {
        for (const named of [fault, fault.when]) if ('worker' in named) expect(workers[named.worker]).toBeDefined()
        if ('atMs' in fault.when) expect(fault.when.atMs).toBeLessThan(settings.troubleMs)
        else expect(fault.when.nth).toBeGreaterThan(0)
      }
      played += 1
      return played % 3 === 0
    })
    expect(played).toBeGreaterThan(10)
  }
})
