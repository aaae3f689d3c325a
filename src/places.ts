import { onAbort } from './aborts.js'
import { openWaiters } from './waiters.js'

/** Bounded concurrency: how many handlers may run at once, first come first served. */
export interface Places {
  /** A place now, or undefined when all are taken. Give it back by calling it; once. */
  tryTake(): (() => void) | undefined
  /** A place, as soon as there is one; undefined when `signal` aborts before that. */
  take(signal: AbortSignal): Promise<(() => void) | undefined>
  readonly taken: number
}

/** `onFree` is called when a place was given back that nobody waits for. */
export function openPlaces(count: number, onFree?: () => void): Places {
  let taken = 0
  const waiters = openWaiters()
  const give = (): void => {
    taken -= 1
    if (!waiters.wakeFirst()) onFree?.()
  }
  const tryTake = (): (() => void) | undefined => {
    if (taken >= count) return undefined
    taken += 1
    return give
  }
  return {
    tryTake,
    take(signal) {
      const place = signal.aborted ? undefined : tryTake()
      if (place || signal.aborted) return Promise.resolve(place)
      return new Promise((resolve) => {
        const grant = (): void => {
          unwatch()
          resolve(tryTake())
        }
        const refuse = (): void => {
          giveUp()
          resolve(undefined)
        }
        const giveUp = waiters.add(grant)
        const unwatch = onAbort(signal, refuse)
      })
    },
    get taken() {
      return taken
    },
  }
}
