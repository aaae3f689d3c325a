import { sleep, systemClock, systemRandom } from '../../../src/index.js'
import { isConflict, orConflict } from './faults.js'

/** How often something is tried again that gave way to another one, and how much longer, in milliseconds, it may wait each time. */
const mostConflicts = 10
const waitMs = 4

/** Does what is a transaction by itself: one that gave way to another one has done nothing, and is done again. */
export async function unlessConflict<Value>(attempt: () => Promise<Value>): Promise<Value> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!isConflict(error) || conflicts >= mostConflicts) throw orConflict(error)
      await sleep(systemClock, systemRandom.fraction() * waitMs * conflicts)
    }
  }
}
