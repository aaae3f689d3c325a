import { sleep, systemClock, systemRandom } from '../../../src/index.js'
import { conflict, isLocked, isStale } from './faults.js'

/**
 * Does `act`, which waits for nobody, again and again while another process holds the lock, for `mostMs` at most. Between two tries this
 * process goes on. Throws code `transaction-conflict` when it took too long.
 */
export async function patiently<Value>(mostMs: number, act: () => Value): Promise<Value> {
  const begunMs = systemClock.now()
  for (let tries = 1; ; tries += 1) {
    try {
      return act()
    } catch (error) {
      if (!isLocked(error)) throw error
      if (isStale(error)) throw conflict('What the transaction has read has been changed since; run it again', error)
      if (systemClock.now() - begunMs >= mostMs)
        throw conflict(`Another process has been writing to this SQLite database for ${mostMs} ms (option lockWaitMs); try again`, error)
      // By chance, so that those who wait do not meet again; the longest pause is what a free lock may stay unused for.
      await sleep(systemClock, Math.min(20, 2 ** tries) * (0.5 + systemRandom.fraction()))
    }
  }
}
