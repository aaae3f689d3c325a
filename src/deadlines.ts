import type { Clock } from './clock.js'

/** A moment at which somebody is to be woken, unless it is called off before. Made by a lane (a class, for the garbage collector's sake: see `Job`). */
export class Deadline<Owner> {
  waits = true
  readonly owner: Owner
  readonly dueAt: number
  before: Deadline<Owner> | undefined
  after: Deadline<Owner> | undefined

  constructor(owner: Owner, dueAt: number, before: Deadline<Owner> | undefined, after: Deadline<Owner> | undefined) {
    this.owner = owner
    this.dueAt = dueAt
    this.before = before
    this.after = after
  }
}

/** Deadlines of about the same length, so that they come due in about the order in which they are set. */
export interface Lane<Owner> {
  /** Wakes the owner once the clock shows `dueAt`. */
  set(owner: Owner, dueAt: number): Deadline<Owner>
  /** Does nothing where it has been called off, or has come due. */
  callOff(deadline: Deadline<Owner>): void
}

/** All deadlines of one handler, with one timer for all of them: of thousands that are set each second, hardly any ever comes due. */
export interface Deadlines {
  lane<Owner>(wake: (owner: Owner) => void): Lane<Owner>
}

interface Due {
  /** When the first deadline of a lane is due; never, for an empty one. */
  firstAt(): number
  /** Wakes whoever is due. */
  ring(now: number): void
}

export function openDeadlines(clock: Pick<Clock, 'now' | 'schedule' | 'soon'>): Deadlines {
  const lanes: Due[] = []
  let waiting = 0
  let alarmAt = Number.POSITIVE_INFINITY
  let cancel = (): void => undefined
  let leaving = false

  const arm = (dueAt: number): void => {
    if (dueAt >= alarmAt) return
    cancel()
    alarmAt = dueAt
    cancel = clock.schedule(Math.max(0, dueAt - clock.now()), ring)
  }
  const disarm = (): void => {
    cancel()
    alarmAt = Number.POSITIVE_INFINITY
  }
  const ring = (): void => {
    alarmAt = Number.POSITIVE_INFINITY
    const now = clock.now()
    for (const lane of lanes) lane.ring(now)
    for (const lane of lanes) arm(lane.firstAt())
  }
  /** The next delivery may be here before this turn is over: only an idle handler lets go of its timer. */
  const leaveSoon = (): void => {
    if (leaving) return
    leaving = true
    clock.soon(() => {
      leaving = false
      if (waiting === 0) disarm()
    })
  }

  return {
    lane<Owner>(wake: (owner: Owner) => void): Lane<Owner> {
      let first: Deadline<Owner> | undefined
      let last: Deadline<Owner> | undefined

      const take = (deadline: Deadline<Owner>): void => {
        const { before, after } = deadline
        if (before) before.after = after
        else first = after
        if (after) after.before = before
        else last = before
        deadline.before = deadline.after = undefined
        deadline.waits = false
        waiting -= 1
      }
      lanes.push({
        firstAt: () => first?.dueAt ?? Number.POSITIVE_INFINITY,
        ring(now) {
          while (first && first.dueAt <= now) {
            const { owner } = first
            take(first)
            wake(owner)
          }
        },
      })

      return {
        set(owner, dueAt) {
          let before = last
          while (before && before.dueAt > dueAt) before = before.before
          const after = before ? before.after : first
          const deadline = new Deadline(owner, dueAt, before, after)
          if (before) before.after = deadline
          else first = deadline
          if (after) after.before = deadline
          else last = deadline
          waiting += 1
          arm(dueAt)
          return deadline
        },
        callOff(deadline) {
          if (!deadline.waits) return
          take(deadline)
          if (waiting === 0) leaveSoon()
        },
      }
    },
  }
}
