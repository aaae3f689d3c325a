import { endLease, lookAt } from './lease.js'
import { isPromiseLike } from './promises.js'
import { onAbort } from './aborts.js'
import { RunTooLongError } from './errors.js'
import type { Call } from './effect.js'
import type { Core } from './core.js'
import type { Deadline } from './deadlines.js'
import type { Lease } from './lease.js'
import type { LeaseLostError } from './errors.js'

/** What user code came to: the one place where a throw becomes data. */
export type Result<Value> = { readonly how: 'returned'; readonly value: Value } | { readonly how: 'threw'; readonly error: unknown }

export type Run<Value> =
  | { readonly how: 'returned'; readonly value: Value }
  | { readonly how: 'threw'; readonly error: unknown; readonly cut: Running['cut'] }
  | { readonly how: 'abandoned' }
  | { readonly how: 'handed-back' }

/** How a handler is started, and who is told what it came to where its run had ended before. One for all runs. */
export interface Steps<Value> {
  readonly start: (running: Running) => Value | PromiseLike<Value>
  readonly late: (running: Running, result: Result<Value>) => void
}

/** One run of a handler. Data, and functions that take it, as there is one for each delivery (a class, for the garbage collector's sake: see `Job`). */
export class Running {
  /** Of the handler's signal. Made when somebody looks, as most handlers never do. */
  controller: AbortController | undefined = undefined
  /** Why the signal is aborted, if it is. */
  reason: Error | undefined = undefined
  cut: 'no' | 'lost' | 'stopping' = 'no'
  tooLong = false
  /** Calls off what would end it early. */
  deadline: Deadline<Running> | undefined = undefined
  cancel: (() => void) | undefined = undefined
  unwatchGrace: (() => void) | undefined = undefined
  unwatchCaller: (() => void) | undefined = undefined
  /** Tells whoever waits for it that it has ended; undefined once it has. */
  end: ((run: Run<never>) => void) | undefined = undefined
  readonly core: Core
  readonly call: Call<unknown>
  /** Renewed until the run is to end; undefined where a transaction holds the key. */
  readonly lease: Lease | undefined

  constructor(core: Core, call: Call<unknown>, lease: Lease | undefined) {
    this.core = core
    this.call = call
    this.lease = lease
  }
}

/** After the grace time, how long a handler that heeds its signal has to end by itself, before its claim is handed back from under it. */
const momentMs = 50

/** The handler's signal, as it is now: a process that was stopped finds out before any of its timers do. */
export function signalOf(running: Running): AbortSignal {
  if (running.lease) lookAt(running.lease)
  if (!running.controller) {
    running.controller = new AbortController()
    if (running.reason) running.controller.abort(running.reason)
  }
  return running.controller.signal
}

/** Starts the handler, and tells what it came to, or that its limits have ended the run; what it comes to after that is told late. */
export function runHandler<Value>(running: Running, steps: Steps<Value>): Run<Value> | Promise<Run<Value>> {
  if (running.call.graceOver?.aborted) tellToStop(running)
  let answer: Promise<Value>
  try {
    const returned = steps.start(running)
    if (!isPromiseLike(returned)) return { how: 'returned', value: returned }
    answer = Promise.resolve(returned)
  } catch (error) {
    return { how: 'threw', error, cut: running.cut }
  }

  return new Promise<Run<Value>>((resolve) => {
    running.end = resolve
    limit(running)
    answer.then(
      (value) => ended(running, steps, { how: 'returned', value }),
      (error: unknown) => ended(running, steps, { how: 'threw', error }),
    )
  })
}

function ended<Value>(running: Running, { late }: Steps<Value>, result: Result<Value>): void {
  if (!running.end) return late(running, result)
  endRun(running, (result.how === 'returned' ? result : { ...result, cut: running.cut }) as Run<never>)
}

/** Does nothing where it has ended. */
function endRun(running: Running, run: Run<never>): void {
  const { end } = running
  running.end = undefined
  if (running.deadline) running.core.runs.callOff(running.deadline)
  running.cancel?.()
  running.unwatchGrace?.()
  running.unwatchCaller?.()
  end?.(run)
}

/** The lease is lost: the handler is told. A run that was too long is an attempt, whatever became of its lease since. */
export function loseRun(running: Running, error: LeaseLostError): void {
  if (running.cut === 'no' && !running.tooLong) running.cut = 'lost'
  cutSignal(running, error)
}

/** It has taken too long, and is left alone if it goes on for another lease; what called `once` waits for it. */
export function endTooLong(running: Running): void {
  const { core, call, lease } = running
  running.tooLong = true
  if (lease) endLease(lease)
  cutSignal(running, new RunTooLongError(`The handler has run for longer than ${core.maxRunMs} ms (option maxRunMs)`))
  if (call.abandons) running.cancel = core.runtime.clock.schedule(core.leaseMs, () => endRun(running, { how: 'abandoned' }))
}

/** Sets what ends a run that does not end by itself. */
function limit(running: Running): void {
  const { core, call } = running
  const { graceOver, caller } = call
  if (graceOver?.aborted) return stop(running)
  running.deadline = core.runs.set(running, core.runtime.clock.now() + core.maxRunMs)
  running.unwatchGrace = graceOver && onAbort(graceOver, () => stop(running))
  running.unwatchCaller =
    caller &&
    onAbort(caller, () => {
      if (running.cut === 'no' && !running.tooLong) running.cut = 'lost'
      cutSignal(running, caller.reason as Error)
    })
}

/** The grace time of a stop is over. */
function stop(running: Running): void {
  const { core, deadline } = running
  if (deadline) core.runs.callOff(deadline)
  running.cancel?.()
  tellToStop(running)
  running.cancel = core.runtime.clock.schedule(momentMs, () => endRun(running, { how: 'handed-back' }))
}

function tellToStop(running: Running): void {
  running.cut = 'stopping'
  if (running.lease) endLease(running.lease)
  cutSignal(running, running.call.graceOver?.reason as Error)
}

function cutSignal(running: Running, why: Error): void {
  if (running.reason) return
  running.reason = why
  running.controller?.abort(why)
}
