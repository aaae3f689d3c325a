import { systemClock } from '../../../src/index.js'

/**
 * One writer at a time: who in this process writes to a file, and who waits. SQLite would have them wait as well, but it stops the whole
 * process meanwhile, the one that is waited for included.
 */
export interface Line {
  /** The greatest token given out by this process: a record that was removed by hand within a millisecond would see it twice. */
  lastToken: number
  /** The transaction that is open and has claimed the record, if one has. */
  holder(record: string): object | undefined
  /**
   * Waits for its turn, first come first served; `late` when it took too long. `heard` is told of each record that an open transaction has claimed
   * meanwhile, and answers whether that ends the waiting: with `held`.
   */
  take(mostMs: number, heard?: (record: string) => boolean): Promise<'mine' | 'held' | 'late'>
  /** Tells that a transaction, whose turn it is, has claimed the record. */
  hold(record: string, transaction: object): void
  /** The turn is over, and with it what was held. */
  give(): void
}

interface Waiter {
  heard(record: string): boolean
  answer(answer: 'mine' | 'held' | 'late'): void
}

export function openLine(): Line {
  const held = new Map<string, object>()
  const waiting = new Set<Waiter>()
  let taken = false

  return {
    lastToken: 0,
    holder: (record) => held.get(record),
    take(mostMs, heard = () => false) {
      if (!taken) {
        taken = true
        return Promise.resolve('mine')
      }
      return new Promise((resolve) => {
        const waiter: Waiter = {
          heard,
          answer(answer) {
            waiting.delete(waiter)
            cancel()
            resolve(answer)
          },
        }
        const cancel = systemClock.schedule(mostMs, () => waiter.answer('late'))
        waiting.add(waiter)
      })
    },
    hold(record, transaction) {
      held.set(record, transaction)
      for (const waiter of waiting) if (waiter.heard(record)) waiter.answer('held')
    },
    give() {
      held.clear()
      const [next] = waiting
      if (next) next.answer('mine')
      else taken = false
    },
  }
}

const lines = new Map<string, Line>()

/** The line of a file, one for all the stores of this process; of a database in memory, to which there is but one connection. */
export function lineOf(file: string | undefined): Line {
  if (file === undefined) return openLine()
  const line = lines.get(file) ?? openLine()
  lines.set(file, line)
  return line
}
