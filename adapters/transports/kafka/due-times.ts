import type { Clock } from '../../../src/index.js'
import type { Held, Line } from './held.js'

/** Copies wait until they are due, each on its own, with one timer for all. */
export function openDueTimes(clock: Clock, dueAt: (held: Held) => number, start: (held: Held) => void): Line {
  /** The soonest first. One delay per topic makes them come nearly in order. */
  const waiting: { readonly held: Held; readonly at: number }[] = []
  let cancel: (() => void) | undefined

  const arm = (): void => {
    cancel?.()
    const soonest = waiting[0]
    cancel = soonest && clock.schedule(Math.max(0, soonest.at - clock.now()), wake)
  }
  const wake = (): void => {
    const now = clock.now()
    // A timer may fire a little early; a copy never does.
    while (waiting[0] && waiting[0].at <= now) {
      const due = waiting.shift()
      if (due) start(due.held)
    }
    arm()
  }

  return {
    add(held) {
      const at = dueAt(held)
      if (at <= clock.now()) return start(held)
      let place = waiting.length
      while (place > 0 && (waiting[place - 1]?.at ?? 0) > at) place -= 1
      waiting.splice(place, 0, { held, at })
      if (place === 0) arm()
    },
    over: () => undefined,
    close() {
      cancel?.()
      waiting.length = 0
    },
  }
}
