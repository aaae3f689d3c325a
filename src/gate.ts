import { onAbort } from './aborts.js'

/**
 * Which handlers of one process may run side by side.
 *
 * A message that kills the process takes the others down with it, and each of them then looks like the culprit. So a suspect (its key
 * has lapses) runs only while no other suspect does, and one with more lapses runs alone: what dies then with it did not do it.
 */
export type Kind = 'ordinary' | 'suspect' | 'alone'

export interface Gate {
  /** Goes in now, or answers undefined. What it returns goes out again; once. */
  tryEnter(kind: Kind): (() => void) | undefined
  /** Goes in as soon as it may; undefined when `signal` aborts before that. From the moment an `alone` waits, nothing else starts. */
  enter(kind: Kind, signal: AbortSignal): Promise<(() => void) | undefined>
}

export function openGate(): Gate {
  const inside: Record<Kind, number> = { ordinary: 0, suspect: 0, alone: 0 }
  const waiting = new Set<{ readonly kind: Kind; tryAgain(): void }>()
  let aloneWaiting = 0

  const free = (kind: Kind): boolean => {
    if (inside.alone > 0) return false
    if (kind === 'alone') return inside.ordinary + inside.suspect === 0
    return aloneWaiting === 0 && (kind === 'ordinary' || inside.suspect === 0)
  }
  const leave = (kind: Kind) => (): void => {
    inside[kind] -= 1
    wakeWaiting()
  }
  const leaves: Record<Kind, () => void> = { ordinary: leave('ordinary'), suspect: leave('suspect'), alone: leave('alone') }
  const admit = (kind: Kind): (() => void) | undefined => {
    if (!free(kind)) return undefined
    inside[kind] += 1
    return leaves[kind]
  }
  const wakeWaiting = (): void => {
    for (const each of waiting) each.tryAgain()
  }

  return {
    tryEnter: admit,
    enter(kind, signal) {
      const leave = signal.aborted ? undefined : admit(kind)
      if (leave || signal.aborted) return Promise.resolve(leave)
      return new Promise((resolve) => {
        const end = (leave?: () => void): void => {
          waiting.delete(entry)
          unwatch()
          if (kind === 'alone') aloneWaiting -= 1
          resolve(leave)
          if (kind === 'alone' && !leave) wakeWaiting()
        }
        const entry = {
          kind,
          tryAgain(): void {
            const leave = admit(kind)
            if (leave) end(leave)
          },
        }
        const giveUp = (): void => end()
        if (kind === 'alone') aloneWaiting += 1
        waiting.add(entry)
        const unwatch = onAbort(signal, giveUp)
      })
    },
  }
}
