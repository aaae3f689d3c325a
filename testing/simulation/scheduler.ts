import type { Random } from '../../src/index.js'

/** The one place where a history goes on: what is due next happens, and all that follows from it without time passing, and then the next. */
export interface Scheduler {
  /** Milliseconds since the history began, as somebody outside would see them. */
  now(): number
  /** Has `wake` called in `ms` milliseconds. What is due at the same time comes in an order of chance. Returns what cancels it. */
  schedule(ms: number, wake: () => void): () => void
  /** Goes on until `over` holds, or nothing is due before `untilMs`; the time is then as far as it came. */
  run(untilMs: number, over?: () => boolean): Promise<void>
  /** Nothing goes on any more. */
  stop(): void
  /** How many wait. */
  readonly pending: number
}

interface Due {
  readonly atMs: number
  /** Orders what is due at the same time. */
  readonly lot: number
  wake: (() => void) | undefined
}

export function openScheduler(random: Random): Scheduler {
  const heap = openHeap()
  let nowMs = 0
  let pending = 0
  let stopped = false

  /** Whether there was something to do. */
  const goOn = (untilMs: number): boolean => {
    for (let next = heap.first(); next && next.atMs <= untilMs; next = heap.first()) {
      heap.takeFirst()
      const { wake } = next
      if (!wake) continue
      next.wake = undefined
      pending -= 1
      nowMs = next.atMs
      wake()
      return true
    }
    return false
  }

  return {
    now: () => nowMs,
    schedule(ms, wake) {
      const due: Due = { atMs: nowMs + Math.max(0, ms), lot: random.fraction(), wake }
      heap.add(due)
      pending += 1
      return () => {
        if (due.wake) pending -= 1
        due.wake = undefined
      }
    },
    run: (untilMs, over = () => false) => byTurns(() => !stopped && !over() && goOn(untilMs)),
    stop() {
      stopped = true
    },
    get pending() {
      return pending
    },
  }
}

/** So many turns are asked of the event loop at once: a round of it costs more than most turns do. */
const turnsAtOnce = 32

/** Calls `turn` until it answers false. Between two turns all promises settle that can: they do so before the event loop goes to its next callback. */
function byTurns(turn: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = 0
    let over = false
    const callback = (): void => {
      asked -= 1
      if (over) return
      try {
        over = !turn()
        if (over) resolve()
        else if (asked === 0) ask()
      } catch (error) {
        over = true
        reject(error)
      }
    }
    const ask = (): void => {
      for (; asked < turnsAtOnce; asked += 1) setImmediate(callback)
    }
    ask()
  })
}

interface Heap {
  add(due: Due): void
  first(): Due | undefined
  takeFirst(): void
}

/** A binary heap, the earliest on top. */
function openHeap(): Heap {
  const all: Due[] = []
  const before = (one: Due, other: Due): boolean => one.atMs < other.atMs || (one.atMs === other.atMs && one.lot < other.lot)

  return {
    add(due) {
      let index = all.length
      all.push(due)
      while (index > 0) {
        const above = (index - 1) >> 1
        const parent = all[above]
        if (!parent || before(parent, due)) break
        all[index] = parent
        index = above
      }
      all[index] = due
    },
    first: () => all[0],
    takeFirst() {
      const last = all.pop()
      if (!last || all.length === 0) return
      let index = 0
      for (;;) {
        let below = index * 2 + 1
        const left = all[below]
        const right = all[below + 1]
        if (right && left && before(right, left)) below += 1
        const child = all[below]
        if (!child || before(last, child)) break
        all[index] = child
        index = below
      }
      all[index] = last
    },
  }
}
