import { onAbort } from './aborts.js'
import type { Clock } from './clock.js'

/** Waiting that can be cut short from outside, also by a call that comes just before it begins. */
export interface Waking {
  /** Ends every wait, or the next one if nobody waits. */
  wake(): void
  /** Waits `ms` milliseconds at most. */
  wait(ms: number): Promise<void>
}

export function openWaking(clock: Clock, stopping: AbortSignal): Waking {
  const waiting = new Set<() => void>()
  let early = false
  const wakeAll = (): void => {
    for (const wake of waiting) wake()
  }
  onAbort(stopping, wakeAll)
  return {
    wake() {
      if (waiting.size === 0) early = true
      wakeAll()
    },
    wait(ms) {
      if (early || stopping.aborted) {
        early = false
        return Promise.resolve()
      }
      return new Promise((resolve) => {
        const wake = (): void => {
          waiting.delete(wake)
          cancel()
          resolve()
        }
        waiting.add(wake)
        const cancel = clock.schedule(ms, wake)
      })
    },
  }
}
