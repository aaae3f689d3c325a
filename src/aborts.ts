/**
 * One that waits for a signal to abort. Linked, and emptied when it is taken out: garbage that has grown old keeps alive what it refers to, and of a
 * `Set` that would be every delivery. A class, as V8 may come to put all objects of a literal, and what goes into them, among the old ones at
 * once. Together that was a quarter of what a delivery costs.
 */
class Waiter {
  /** Undefined once it waits no longer. */
  wake: (() => void) | undefined
  before: Waiter | Waiters | undefined
  after: Waiter | undefined

  constructor(wake: () => void, before: Waiters) {
    this.wake = wake
    this.before = before
    this.after = before.after
  }
}

/** Those who wait for one signal, the last to come first. */
interface Waiters {
  after: Waiter | undefined
}

const watched = new WeakMap<AbortSignal, Waiters>()

/**
 * Calls `wake` when the signal aborts; what it returns takes that back. However many wait for one signal, it has one listener: adding one for each
 * of hundreds of deliveries is slow, and makes Node warn of a leak. A signal that has aborted before wakes nobody: ask it first.
 */
export function onAbort(signal: AbortSignal, wake: () => void): () => void {
  const waiters = watched.get(signal) ?? watch(signal)
  const waiter = new Waiter(wake, waiters)
  if (waiters.after) waiters.after.before = waiter
  waiters.after = waiter
  return () => {
    takeOut(waiter)
  }
}

function takeOut(waiter: Waiter): void {
  const { before, after } = waiter
  if (before) before.after = after
  if (after) after.before = before
  waiter.wake = waiter.before = waiter.after = undefined
}

function watch(signal: AbortSignal): Waiters {
  const waiters: Waiters = { after: undefined }
  watched.set(signal, waiters)
  const wakeAll = (): void => {
    for (let waiter = waiters.after; waiter; waiter = waiters.after) {
      const { wake } = waiter
      takeOut(waiter)
      wake?.()
    }
  }
  signal.addEventListener('abort', wakeAll, { once: true })
  return waiters
}
