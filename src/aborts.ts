const watched = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `wake` when the signal aborts; what it returns takes that back. However many wait for one signal, it has one listener: adding one for each
 * of hundreds of deliveries is slow, and makes Node warn of a leak. A signal that has aborted before wakes nobody: ask it first.
 */
export function onAbort(signal: AbortSignal, wake: () => void): () => void {
  const waiting = watched.get(signal) ?? watch(signal)
  waiting.add(wake)
  return () => {
    waiting.delete(wake)
  }
}

function watch(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>()
  watched.set(signal, waiting)
  const wakeAll = (): void => {
    for (const wake of waiting) wake()
    waiting.clear()
  }
  signal.addEventListener('abort', wakeAll, { once: true })
  return waiting
}
