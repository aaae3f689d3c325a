import { onAbort } from './aborts.js'
import { RunTooLongError } from './errors.js'
import type { Clock } from './clock.js'
import type { LeaseLostError } from './errors.js'

/** Aborts a handler's signal; the controller is made when somebody looks, as most handlers never do. */
export interface Cutter {
  readonly signal: AbortSignal
  cut(reason: Error): void
}

export function openCutter(): Cutter {
  let controller: AbortController | undefined
  let reason: Error | undefined
  return {
    get signal() {
      if (!controller) {
        controller = new AbortController()
        if (reason) controller.abort(reason)
      }
      return controller.signal
    },
    cut(why) {
      if (reason) return
      reason = why
      controller?.abort(why)
    },
  }
}

/** What user code came to: the one place where a throw becomes data. */
export type Result<Value> = { readonly how: 'returned'; readonly value: Value } | { readonly how: 'threw'; readonly error: unknown }

export async function callUser<Value>(call: () => Value | Promise<Value>): Promise<Result<Value>> {
  try {
    return { how: 'returned', value: await call() }
  } catch (error) {
    return { how: 'threw', error }
  }
}

export type Run<Value> =
  | { readonly how: 'returned'; readonly value: Value }
  | { readonly how: 'threw'; readonly error: unknown; readonly cut: 'no' | 'lost' | 'stopping' }
  | { readonly how: 'abandoned' }
  | { readonly how: 'handed-back' }

/** After the grace time, how long a handler that heeds its signal has to end by itself, before its claim is handed back from under it. */
const momentMs = 50

export interface RunLimits<Value> {
  readonly clock: Clock
  readonly maxRunMs: number
  readonly leaseMs: number
  /** Aborts at the end of a stop's grace time. */
  readonly graceOver?: AbortSignal | undefined
  /** The caller's own signal, under `once`. */
  readonly caller?: AbortSignal | undefined
  /** Whether a run that does not end is left alone; `once` waits for it. */
  readonly abandons: boolean
  /** Renewals are to end. */
  endRenewal(): void
  /** What the handler came to after it was abandoned or handed back. */
  late(result: Result<Value>): void
}

/** A handler that is running: `lost` tells it that its lease is. */
export interface Running<Value> {
  readonly ended: Promise<Run<Value>>
  lost(error: LeaseLostError): void
}

/** Runs a handler within its limits. */
export function runHandler<Value>(cutter: Cutter, call: () => Value | Promise<Value>, limits: RunLimits<Value>): Running<Value> {
  const { clock, graceOver, caller } = limits
  let cut: 'no' | 'lost' | 'stopping' = 'no'
  let tooLong = false

  const ended = new Promise<Run<Value>>((resolve) => {
    let over = false
    let cancel = clock.schedule(limits.maxRunMs, () => {
      tooLong = true
      limits.endRenewal()
      cutter.cut(new RunTooLongError(`The handler has run for longer than ${limits.maxRunMs} ms (option maxRunMs)`))
      if (limits.abandons) cancel = clock.schedule(limits.leaseMs, () => end({ how: 'abandoned' }))
    })
    const stop = (): void => {
      cut = 'stopping'
      cancel()
      limits.endRenewal()
      cutter.cut(graceOver?.reason as Error)
      cancel = clock.schedule(momentMs, () => end({ how: 'handed-back' }))
    }
    const callerGivesUp = (): void => {
      if (cut === 'no' && !tooLong) cut = 'lost'
      cutter.cut(caller?.reason as Error)
    }
    const end = (run: Run<Value>): void => {
      over = true
      cancel()
      unwatchGrace?.()
      unwatchCaller?.()
      resolve(run)
    }
    const unwatchGrace = graceOver && onAbort(graceOver, stop)
    const unwatchCaller = caller && onAbort(caller, callerGivesUp)
    if (graceOver?.aborted) stop()

    void callUser(call).then((result) => {
      if (over) limits.late(result)
      else end(result.how === 'returned' ? result : { ...result, cut })
    })
  })

  return {
    ended,
    lost(error) {
      // A run that was too long is an attempt, whatever became of its lease since.
      if (cut === 'no' && !tooLong) cut = 'lost'
      cutter.cut(error)
    },
  }
}
