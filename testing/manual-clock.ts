import type { Clock } from '../src/index.js'

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /**
   * Lets `ms` milliseconds pass. What falls due meanwhile is woken in order of time, and of scheduling where the time is the same, one
   * after another: all that follows from one has settled before the next is woken, and may schedule more.
   */
  advance(ms: number): Promise<void>
  /** Lets `ms` milliseconds pass at once, as for a process that was stopped: what fell due meanwhile is woken at the next `advance`. */
  stall(ms: number): void
  /** Waits until all promises that can settle without time passing have settled. */
  settle(): Promise<void>
  /** How many timers are waiting: 0, once all has settled, where nothing was left behind. */
  pending(): number
}

export interface ManualClockOptions {
  /** What `epochMs` says at first, in milliseconds since 1970. @default 1_700_000_000_000 */
  readonly epochMs?: number | undefined
}

/** A clock for tests: no test has to wait, and every run sees the same times. */
export function manualClock({ epochMs = 1_700_000_000_000 }: ManualClockOptions = {}): ManualClock {
  interface Timer {
    readonly dueMs: number
    wake(): void
  }
  let nowMs = 0
  const timers = new Set<Timer>()
  let soon = 0

  // Promise reactions, and those that they make, all run before the event loop goes on to its next phase.
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const settle = async (): Promise<void> => {
    do await turn()
    while (soon > 0)
  }

  const nextDue = (untilMs: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) if (timer.dueMs <= untilMs && (!next || timer.dueMs < next.dueMs)) next = timer
    return next
  }

  return {
    now: () => nowMs,
    epochMs: () => epochMs + nowMs,
    schedule(ms, wake) {
      const timer: Timer = { dueMs: nowMs + Math.max(0, ms), wake }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    soon(wake) {
      soon += 1
      setImmediate(() => {
        soon -= 1
        wake()
      })
    },
    async advance(ms) {
      const untilMs = nowMs + ms
      await settle()
      for (let timer = nextDue(untilMs); timer; timer = nextDue(untilMs)) {
        timers.delete(timer)
        nowMs = Math.max(nowMs, timer.dueMs)
        timer.wake()
        await settle()
      }
      nowMs = Math.max(nowMs, untilMs)
      await settle()
    },
    stall(ms) {
      nowMs += ms
    },
    settle,
    pending: () => timers.size,
  }
}
