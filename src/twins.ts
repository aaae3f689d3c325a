/** Deliveries of one key that this process handles at the same time: the later ones wait for the first instead of asking the store. */
export interface Twins {
  has(record: string): boolean
  /** Whether the one that is being handled ends with its key recorded as consumed; false at once if none is. */
  ended(record: string): Promise<boolean>
  /** Says that this one is being handled, unless one is already. Call what it returns with whether the store recorded the key as consumed. */
  enter(record: string): (consumed: boolean) => void
}

interface Twin {
  end(consumed: boolean): void
  /** Made when somebody waits: mostly nobody does. */
  ended: Promise<boolean> | undefined
}

const nobodyWaits = (): void => undefined

export function openTwins(): Twins {
  const handled = new Map<string, Twin>()
  return {
    has: (record) => handled.has(record),
    ended(record) {
      const twin = handled.get(record)
      if (!twin) return Promise.resolve(false)
      return (twin.ended ??= new Promise((resolve) => {
        twin.end = resolve
      }))
    },
    enter(record) {
      if (handled.has(record)) return nobodyWaits
      const twin: Twin = { end: nobodyWaits, ended: undefined }
      handled.set(record, twin)
      return (consumed) => {
        handled.delete(record)
        twin.end(consumed)
      }
    },
  }
}
