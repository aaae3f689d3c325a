import { messageOf } from './errors.js'
import { systemClock } from './clock.js'
import type { Clock } from './clock.js'

export interface CoalescingOptions<Call, Answer, Value = Answer> {
  /** Sends calls as one, and answers each of them, in their order. Rejects where none of them is answered. */
  readonly send: (calls: readonly Call[]) => Promise<readonly Answer[]>
  /** What a caller is told of its answer. What this throws is the error of this caller alone. @default the answer */
  readonly read?: ((answer: Answer, call: Call) => Value) | undefined
  /** Calls of one key never travel together; the later one waits for the next flight. @default any may travel together */
  readonly keyOf?: ((call: Call) => string) | undefined
  /**
   * Whether `send` rejected with something that may be due to one call alone, and had no effect. The calls are then sent again in halves, so that
   * a bad one fails by itself. @default never
   */
  readonly mayBeOfOne?: ((error: unknown) => boolean) | undefined
  /** How many calls travel together; at least 1. @default 256 */
  readonly mostCalls?: number | undefined
  /** How many flights may be under way at once; at least 1. @default 2 */
  readonly mostFlights?: number | undefined
  /**
   * As few calls as are worth a flight of their own; at least 1. Of twice as many and more some leave with each of the flights that may, so that the backend
   * works on one while this process makes ready the next. @default all leave with one
   */
  readonly fewestCalls?: number | undefined
  /** Tells the time. @default systemClock */
  readonly clock?: Pick<Clock, 'now' | 'soon'> | undefined
}

/** Joins calls that are made in one turn of the event loop, or while others are under way, so that a backend is asked once for all of them. */
export interface Coalescing<Call, Value> {
  /** Resolves with the answer to this call. Rejects with an error of its own. */
  ask(call: Call): Promise<Value>
}

/** Data (a class, for the garbage collector's sake: see `Job`). */
class Asked<Call, Value> {
  readonly call: Call
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void

  constructor(call: Call, resolve: (value: Value) => void, reject: (error: unknown) => void) {
    this.call = call
    this.resolve = resolve
    this.reject = reject
  }
}

/**
 * A flight that has been under way for so long, in milliseconds, keeps nobody waiting any more: it may be on a connection that hangs, while others
 * of the pool work. Longer than a statement takes on a server that is busy, and shorter than callers wait.
 */
const lateMs = 500

/**
 * For stores: calls of one turn become one script or one statement. A call that is made alone leaves at the end of its turn, as no timer is waited
 * for; and while as many flights are under way as may be, calls gather, so that they become more the slower the backend is.
 *
 * Each kind of step has one of its own: a renewal never waits behind claims, nor a complete behind claims that wait for a lock.
 */
export function openCoalescing<Call, Answer, Value = Answer>({
  send,
  read = (answer) => answer as unknown as Value,
  keyOf,
  mayBeOfOne = () => false,
  mostCalls = 256,
  mostFlights = 2,
  fewestCalls = Number.POSITIVE_INFINITY,
  clock = systemClock,
}: CoalescingOptions<Call, Answer, Value>): Coalescing<Call, Value> {
  let waiting: Asked<Call, Value>[] = []
  /** When each flight that is under way left, in order. */
  const flights = new Set<{ readonly leftAt: number }>()
  let leaving = false

  /** How many flights may leave. */
  const free = (): number => {
    if (flights.size < mostFlights) return mostFlights - flights.size
    const now = clock.now()
    let inTime = 0
    for (const { leftAt } of flights) if (now - leftAt < lateMs) inTime += 1
    return mostFlights - inTime
  }
  const leaveSoon = (): void => {
    if (leaving || waiting.length === 0 || free() <= 0) return
    leaving = true
    clock.soon(leave)
  }
  const leave = (): void => {
    leaving = false
    for (let more = free(); more > 0 && waiting.length > 0; more -= 1) {
      const flight = { leftAt: clock.now() }
      flights.add(flight)
      const parts = Math.max(1, Math.min(more, Math.floor(waiting.length / fewestCalls)))
      void fly(board(Math.min(mostCalls, Math.ceil(waiting.length / parts)))).then(() => {
        flights.delete(flight)
        leaveSoon()
      })
    }
  }
  /** Takes those who travel next. */
  const board = (most: number): readonly Asked<Call, Value>[] => {
    if (!keyOf) return waiting.splice(0, most)
    const keys = new Set<string>()
    const aboard: Asked<Call, Value>[] = []
    const left: Asked<Call, Value>[] = []
    for (const asked of waiting) {
      const fits = aboard.length < most && keys.size < keys.add(keyOf(asked.call)).size
      ;(fits ? aboard : left).push(asked)
    }
    waiting = left
    return aboard
  }
  const answer = ({ call, resolve, reject }: Asked<Call, Value>, given: Answer): void => {
    try {
      resolve(read(given, call))
    } catch (error) {
      reject(error)
    }
  }
  const isOfOne = (error: unknown): boolean => {
    try {
      return mayBeOfOne(error)
    } catch {
      // Whoever waits is to hear of the first failure.
      return false
    }
  }
  const fly = async (aboard: readonly Asked<Call, Value>[]): Promise<void> => {
    try {
      const answers = await send(aboard.map(({ call }) => call))
      if (answers.length !== aboard.length) throw new Error(`${aboard.length} calls were sent as one, and ${answers.length} were answered`)
      for (const [index, asked] of aboard.entries()) answer(asked, answers[index] as Answer)
    } catch (error) {
      const [first] = aboard
      if (aboard.length === 1) first?.reject(error)
      else if (isOfOne(error)) {
        const half = aboard.length >> 1
        await Promise.all([fly(aboard.slice(0, half)), fly(aboard.slice(half))])
      } else for (const { reject } of aboard) reject(errorOfItsOwn(error))
    }
  }

  return {
    ask: (call) =>
      new Promise((resolve, reject) => {
        waiting.push(new Asked(call, resolve, reject))
        leaveSoon()
      }),
  }
}

/** What one caller adds to an error, or changes of it, is not the others' business. */
function errorOfItsOwn(error: unknown): Error {
  const own = new Error(messageOf(error), { cause: error })
  try {
    return Object.assign(own, error, { cause: error })
  } catch {
    // Whoever throws may have made it so that it cannot be read.
    return own
  }
}
