import type { Line } from './line.js'
import type { Steps } from './steps.js'

/** Tells of commits within this process. */
export interface Telling {
  /** To be called when a transaction has added messages. */
  added(): void
  listen(told: () => void): () => void
}

/** Who wants to be told, by the line of the file: a relay is often made of another outbox than the one that adds. */
const listeners = new WeakMap<Line, Set<() => void>>()

/**
 * A transaction that a store has handed out keeps its turn to write from its first message to its end. Whoever gets in line behind it has its own turn
 * when it is over, and can tell. For one that is the user's own this comes too early; the next poll makes up for it.
 */
export function openTelling(steps: Steps): Telling {
  let inLine = false
  return {
    added() {
      const toldHere = listeners.get(steps.line())
      if (!toldHere?.size || inLine) return
      inLine = true
      const tell = (): void => {
        // Still our turn: a transaction that adds from here on is the next one, and has somebody in line of its own.
        inLine = false
        for (const told of toldHere) told()
      }
      steps.write(tell).catch(() => (inLine = false))
    },
    listen(told) {
      const line = steps.line()
      const toldHere = listeners.get(line) ?? new Set()
      listeners.set(line, toldHere)
      const own = (): void => told()
      toldHere.add(own)
      return () => void toldHere.delete(own)
    },
  }
}
