import { onAbort, openRuntime } from '../../../src/index.js'
import type { Clock, Random, Runtime } from '../../../src/index.js'
import type { PlannedWorker } from '../plan.js'
import type { Scheduler } from '../scheduler.js'

/**
 * A process that can stall and die while the one that plays it lives on. All that wakes it comes through here: while it is stalled it waits, once
 * it is dead it never comes. What it has sent takes effect all the same.
 */
export interface Process {
  readonly name: string
  readonly runtime: Runtime
  readonly state: 'alive' | 'stalled' | 'dead'
  /** Its timers that wait. */
  readonly timers: number
  /** Wakes it in `ms` milliseconds of the world's time at the earliest; never, if it is dead by then. */
  wake(ms: number, go: () => void): void
  /** Resolves when it is woken after that long. */
  turn(ms: number): Promise<void>
  /** A signal of somebody else's, as it hears of it. */
  hear(signal: AbortSignal, transitMs: () => number): AbortSignal
  stall(): void
  resume(): void
  crash(): void
  /** Calls `told` when it dies. */
  whenDead(told: () => void): void
}

export interface ProcessParts {
  readonly name: string
  readonly scheduler: Scheduler
  readonly random: Random
  readonly clock: PlannedWorker['clock']
}

/** When all clocks begin, in milliseconds since 1970. */
export const beginningEpochMs = 1_700_000_000_000

/** A promise of something that does not come any more. */
export const never = (): Promise<never> => new Promise(() => undefined)

export function openProcess({ name, scheduler, random, clock: { aheadMs, rate } }: ProcessParts): Process {
  let state: Process['state'] = 'alive'
  const late: (() => void)[] = []
  const mourners: (() => void)[] = []
  const timers = new Set<() => void>()

  const reach = (go: () => void): void => {
    if (state === 'alive') go()
    else if (state === 'stalled') late.push(go)
  }
  const wake = (ms: number, go: () => void): void => void scheduler.schedule(ms, () => reach(go))

  const clock: Clock = {
    now: () => scheduler.now() * rate,
    epochMs: () => beginningEpochMs + aheadMs + scheduler.now() * rate,
    schedule(ms, go) {
      let cancelled = false
      const fire = (): void => {
        if (cancelled) return
        timers.delete(cancel)
        go()
      }
      const cancelDue = scheduler.schedule(Math.max(0, ms) / rate, () => reach(fire))
      const cancel = (): void => {
        cancelled = true
        timers.delete(cancel)
        cancelDue()
      }
      if (state === 'dead') cancel()
      else timers.add(cancel)
      return cancel
    },
    soon: (go) => wake(0, go),
  }

  return {
    name,
    runtime: openRuntime({ clock, random }),
    get state() {
      return state
    },
    get timers() {
      return timers.size
    },
    wake,
    turn: (ms) => new Promise((resolve) => wake(ms, resolve)),
    hear(signal, transitMs) {
      const heard = new AbortController()
      const abort = (): void => heard.abort(signal.reason)
      if (signal.aborted) abort()
      else onAbort(signal, () => wake(transitMs(), abort))
      return heard.signal
    },
    stall() {
      if (state === 'alive') state = 'stalled'
    },
    resume() {
      if (state !== 'stalled') return
      state = 'alive'
      // One after another, in an order of chance, and each may be what stalls or kills it again.
      for (const go of late.splice(0)) wake(0, go)
    },
    crash() {
      if (state === 'dead') return
      state = 'dead'
      late.length = 0
      for (const cancel of timers) cancel()
      for (const told of mourners.splice(0)) told()
    },
    whenDead: (told) => void mourners.push(told),
  }
}
