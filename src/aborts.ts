import { openWaiters } from './waiters.js'
import type { Waiters } from './waiters.js'

const watched = new WeakMap<AbortSignal, Waiters>()

/**
 * Calls `wake` when the signal aborts; what it returns takes that back. However many wait for one signal, it has one listener: adding one for each
 * of hundreds of deliveries is slow, and makes Node warn of a leak. A signal that has aborted before wakes nobody: ask it first.
 */
export function onAbort(signal: AbortSignal, wake: () => void): () => void {
  return (watched.get(signal) ?? watch(signal)).add(wake)
}

function watch(signal: AbortSignal): Waiters {
  const waiters = openWaiters()
  watched.set(signal, waiters)
  const wakeAll = (): void => {
    while (waiters.wakeFirst());
  }
  signal.addEventListener('abort', wakeAll, { once: true })
  return waiters
}
