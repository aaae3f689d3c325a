import { onAbort } from './aborts.js'

/**
 * The only source of time in the core and the adapters. A simulator or a test hands in its own; everything else uses `systemClock`.
 */
export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences have a meaning. */
  now(): number
  /** Milliseconds since 1970, as other machines would read them. Only for times that are written into headers. */
  epochMs(): number
  /** Calls `wake` once, after `ms` milliseconds at the earliest. Returns what cancels it; cancelling twice, or late, does nothing. */
  schedule(ms: number, wake: () => void): () => void
  /** Calls `wake` at the end of this turn of the event loop: when all that is ready now has run, and without a timer. */
  soon(wake: () => void): void
}

/** setTimeout fires at once when asked for more than this. */
const longestTimerMs = 2 ** 31 - 1

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  schedule(ms, wake) {
    let timer: ReturnType<typeof setTimeout>
    const arm = (left: number): void => {
      timer = left > longestTimerMs ? setTimeout(() => arm(left - longestTimerMs), longestTimerMs) : setTimeout(wake, Math.max(0, left))
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
  // Ticks come when no promise reaction is left: sooner than an immediate, which would first let the event loop go round.
  soon: (wake) => queueMicrotask(() => process.nextTick(wake)),
}

/** Lets this process's event loop go round once: others that are ready go on. For whoever has a synchronous client, and much to ask of it. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Waits `ms` milliseconds, or until `signal` aborts, whichever comes first. Never rejects: look at the signal afterwards. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const wake = (): void => {
      unwatch?.()
      cancel()
      resolve()
    }
    const cancel = clock.schedule(ms, wake)
    const unwatch = signal && onAbort(signal, wake)
  })
}

/** What `within` answers when the time was up, or the signal aborted, before the promise settled. */
export const tooLate: unique symbol = Symbol('too late')

/**
 * The promise's value, or `tooLate` after `ms` milliseconds or at the abort of `signal`. The promise goes on by itself: who gives up on
 * something that can still take effect must also handle its late answer. Rejects when the promise rejects in time.
 */
export function within<Value>(clock: Clock, ms: number, promise: Promise<Value>, signal?: AbortSignal): Promise<Value | typeof tooLate> {
  if (signal?.aborted) {
    promise.catch(() => undefined)
    return Promise.resolve(tooLate)
  }
  return new Promise((resolve, reject) => {
    const end = (): void => {
      cancel()
      unwatch?.()
    }
    const giveUp = (): void => {
      end()
      resolve(tooLate)
    }
    const cancel = clock.schedule(ms, giveUp)
    const unwatch = signal && onAbort(signal, giveUp)
    promise.then(
      (value) => {
        end()
        resolve(value)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
}
