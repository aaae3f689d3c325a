/** Those who wait for something, in the order in which they came. */
export interface Waiters {
  /** Adds one at the end. What it returns takes it out again, and does nothing once it was woken. */
  add(wake: () => void): () => void
  /** Takes out the first and wakes it; false if nobody waits. */
  wakeFirst(): boolean
}

/**
 * Linked, and emptied when taken out. Of a `Set`, to find the first is to go over all that were there before it; and its outgrown tables refer to what was in them, so
 * that, once they are old, each delivery keeps the next one alive.
 */
export function openWaiters(): Waiters {
  let first: Waiter | undefined
  let last: Waiter | undefined

  const takeOut = (waiter: Waiter): void => {
    const { before, after } = waiter
    if (before) before.after = after
    else first = after
    if (after) after.before = before
    else last = before
    waiter.wake = waiter.before = waiter.after = undefined
  }
  return {
    add(wake) {
      const waiter = new Waiter(wake, last)
      if (last) last.after = waiter
      else first = waiter
      last = waiter
      return () => {
        if (waiter.wake) takeOut(waiter)
      }
    },
    wakeFirst() {
      if (!first) return false
      const { wake } = first
      takeOut(first)
      wake?.()
      return true
    },
  }
}

/** Data (a class, for the garbage collector's sake: see `Job`). */
class Waiter {
  after: Waiter | undefined = undefined
  before: Waiter | undefined
  /** Undefined once it waits no longer. */
  wake: (() => void) | undefined

  constructor(wake: () => void, before: Waiter | undefined) {
    this.wake = wake
    this.before = before
  }
}
