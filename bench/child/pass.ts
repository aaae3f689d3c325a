import { setImmediate as turn } from 'node:timers/promises'
import { percentile } from '../statistics.js'

/** Calls with one key after the other. */
export interface Pass {
  /** How many were begun; all of them have ended. */
  readonly sent: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of this process, for one call. */
  readonly cpuUs: number
  readonly errors: number
  readonly firstError: string | undefined
}

export interface PassOptions {
  readonly call: (key: string) => Promise<void>
  readonly keyAt: (index: number) => string
  readonly concurrency: number
  /** Ends after so many calls, or after this time. */
  readonly most: number
  readonly forMs: number
  /** Of how many calls one is timed. */
  readonly timedEvery: number
}

/** As many calls at once as `concurrency` says, until there are no more keys or no more time. */
export async function runPass({ call, keyAt, concurrency, most, forMs, timedEvery }: PassOptions): Promise<Pass> {
  const latencies: number[] = []
  let [next, ended, inTime, errors] = [0, 0, 0, 0]
  let firstError: string | undefined
  let pause: Promise<undefined> | undefined
  const cpuBefore = process.cpuUsage()
  const begunAt = performance.now()
  const endsAt = begunAt + forMs
  const caller = async (): Promise<void> => {
    while (next < most) {
      const at = performance.now()
      if (at > endsAt) return
      const index = next++
      try {
        await call(keyAt(index))
        ended += 1
        if (performance.now() <= endsAt) inTime += 1
      } catch (error) {
        errors += 1
        firstError ??= String(error)
      }
      if (index % timedEvery === 0) latencies.push(performance.now() - at)
      // What never waits for anything would keep the process to itself. All pause together: one alone would not be back before the others do.
      if (index % 1_024 === 0) pause ??= turn().then(() => (pause = undefined))
      if (pause) await pause
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  const tookMs = performance.now() - begunAt
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    sent: next,
    // What has begun in time and ended later counts for nothing, as its time does.
    perSecond: (tookMs > forMs ? inTime / forMs : ended / tookMs) * 1_000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuUs: (user + system) / ended,
    errors,
    firstError,
  }
}

/** Keys as people have them; the same ones for the same name. */
export function keysOf(name: string): (index: number) => string {
  return (index) => `order-${name}-${index.toString(36).padStart(8, '0')}`
}
