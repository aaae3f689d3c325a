import { numberOf } from '../contract.js'
import { keysOf, runPass } from './pass.js'
import type { Calls, Measured, Setup } from '../contract.js'
import type { Work } from './work.js'

/** A store whose records are over at once, and stay until they are swept. */
export interface Sweepable extends Calls {
  sweep(): Promise<void>
  /** How many records there are. */
  left(): Promise<number>
}

/** A sweep takes so many records at most. */
const sweptAtOnce = 20_000
const mostSweeps = 10

/** How many records that are over are removed per second, out of a table that is full of them. */
export async function measureSweeping(setup: Setup<Sweepable>, { name, settings }: Work): Promise<Measured> {
  const [concurrency, keys] = [numberOf(settings, 'concurrency'), numberOf(settings, 'keys')]
  const store = await setup({ name, concurrency, settings, handle: async () => undefined, settled: () => undefined })
  await runPass({ call: store.call, keyAt: keysOf(name), concurrency, most: keys, forMs: Number.POSITIVE_INFINITY, timedEvery: keys })
  const full = await store.left()
  const at = performance.now()
  let longestMs = 0
  for (let sweep = 0; sweep < Math.min(mostSweeps, full / sweptAtOnce); sweep += 1) {
    const begunAt = performance.now()
    await store.sweep()
    longestMs = Math.max(longestMs, performance.now() - begunAt)
  }
  const tookMs = performance.now() - at
  const left = await store.left()
  await store.close()
  return {
    measures: { swept: ((full - left) / tookMs) * 1_000, longestMs, records: full - left },
    wrong: full === keys ? undefined : `${full} of ${keys} records were there`,
  }
}
