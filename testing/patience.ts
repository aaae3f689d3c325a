import assert from 'node:assert/strict'
import { sleep, systemClock } from '../src/index.js'
import type { Clock } from '../src/index.js'

export interface PatienceOptions {
  readonly clock?: Clock | undefined
  readonly passTime?: ((ms: number) => Promise<void>) | undefined
  readonly patienceMs?: number | undefined
  /** How often a condition is looked at, in milliseconds. */
  readonly pollMs: number
}

/** Waiting for what is to happen, by a clock that goes by itself or one that is moved by hand. */
export interface Patience {
  readonly clock: Clock
  readonly passTime: (ms: number) => Promise<void>
  /** Waits until `condition` holds; fails with `what` when that takes too long. */
  readonly until: (what: string, condition: () => boolean | Promise<boolean>) => Promise<void>
  /** The promise's value; meanwhile time passes. */
  readonly drive: <Value>(promise: Promise<Value>) => Promise<Value>
}

export function openPatience({
  clock = systemClock,
  passTime = (ms) => sleep(clock, ms),
  patienceMs = 30_000,
  pollMs,
}: PatienceOptions): Patience {
  const until: Patience['until'] = async (what, condition) => {
    const begunMs = clock.now()
    while (!(await condition())) {
      if (clock.now() - begunMs > patienceMs) assert.fail(`${patienceMs} ms passed, and not yet: ${what}`)
      await passTime(pollMs)
    }
  }
  return {
    clock,
    passTime,
    until,
    async drive(promise) {
      let over = false
      const end = (): void => {
        over = true
      }
      promise.then(end, end)
      // Promises that need no time have settled after the first pass.
      await Promise.race([promise, passTime(0)])
      await until('what the suite waits for has ended', () => over)
      return promise
    },
  }
}
