import { sleep, systemClock, systemRandom } from '../../../src/index.js'
import { isDeadlock, isLocked } from './faults.js'

/** How often a statement is run again that gave way to another one. */
const mostDeadlocks = 3

/** Runs a statement that is a transaction by itself. */
export async function unlessDeadlock<Value>(attempt: () => Promise<Value>): Promise<Value> {
  for (let deadlocks = 0; ; deadlocks += 1) {
    try {
      return await attempt()
    } catch (error) {
      // Nothing was done.
      if (!isDeadlock(error) || deadlocks >= mostDeadlocks) throw error
    }
  }
}

export async function unlessLocked<Value>(attempt: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await attempt()
  } catch (error) {
    if (isLocked(error)) return undefined
    throw error
  }
}

/** A lock that is not an open transaction's is gone within a few milliseconds. */
export async function patiently<Value>(most: number, attempt: (tries: number) => Promise<Value>): Promise<Value | undefined> {
  for (let tries = 1; ; tries += 1) {
    const value = await unlessLocked(() => attempt(tries))
    if (value !== undefined || tries >= most) return value
    await sleep(systemClock, Math.min(20, 2 ** (tries - 1)) * (0.5 + systemRandom.fraction()))
  }
}
