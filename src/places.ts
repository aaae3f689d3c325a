import { onAbort } from './aborts.js'

/** Bounded concurrency: how many handlers may run at once, first come first served. */
export interface Places {
  /** A place now, or undefined when all are taken. Give it back by calling it; once. */
  tryTake(): (() => void) | undefined
  /** A place, as soon as there is one; undefined when `signal` aborts before that. */
  take(signal: AbortSignal): Promise<(() => void) | undefined>
  readonly taken: number
}

export function openPlaces(count: number): Places {
  let taken = 0
  const waiting = new Set<() => void>()
  const give = (): void => {
    taken -= 1
    const [next] = waiting
    if (next) next()
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
        const end = (place?: () => void): void => {
          waiting.delete(grant)
          unwatch()
          resolve(place)
        }
        const grant = (): void => end(tryTake())
        const refuse = (): void => end()
        waiting.add(grant)
        const unwatch = onAbort(signal, refuse)
      })
    },
    get taken() {
      return taken
    },
  }
}
