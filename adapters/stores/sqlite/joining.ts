import { nextTurn, openCoalescing } from '../../../src/index.js'
import { isOfValues } from './faults.js'
import { atOnce } from './handle.js'
import type { Connection } from './handle.js'
import type { Line } from './line.js'

export interface Turns {
  line(): Line
  /** Waits for the turn; `false` where `heard` has ended the waiting. */
  take(heard?: (record: string) => boolean): Promise<boolean>
  /** Writes in the turn that was taken, and gives it back. */
  use<Value>(act: (connection: Connection) => Value): Promise<Value>
}

/** Writes one record. `undefined` when an open transaction of this process has claimed it. */
export type WriteRecord = <Value>(record: string, act: (connection: Connection) => Value) => Promise<Value | undefined>

interface Write {
  readonly record: string
  readonly act: (connection: Connection) => void
  /** Tells that a transaction has claimed the record. */
  readonly held: () => void
  /** Somebody was told so, and may not be surprised by what is written nevertheless. */
  leftOut: boolean
}

/** How many statements are one transaction: the process stands still for about a millisecond until they are done, the commit apart. */
const mostWrites = 64

/**
 * Writes of one turn of the event loop are one transaction, in the order they came, as SQLite has one writer and commits for all of them at once. They are of all
 * kinds: whoever waits for the lock would wait behind any of them. Each transaction gets in line at once, so that nobody is overtaken because of it.
 */
export function openJoining(turns: Turns): WriteRecord {
  /** What failed because of one statement, before the commit. */
  const ofOne = new Set<unknown>()
  let crowded = false

  /** Others of the process go on between two transactions, however many were asked for at once. */
  const ready = async (writes: readonly Write[]): Promise<void> => {
    if (crowded) await nextTurn()
    if (writes.length < mostWrites) return
    crowded = true
    void nextTurn().then(() => (crowded = false))
  }
  const run = (connection: Connection, { act }: Write): void => {
    try {
      act(connection)
    } catch (error) {
      if (isOfValues(error)) ofOne.add(error)
      throw error
    }
  }
  const runAll = (connection: Connection, writes: readonly Write[]): void => {
    const [first] = writes
    if (first && writes.length === 1) return run(connection, first)
    atOnce(connection, 'begin immediate', () => {
      for (const write of writes) run(connection, write)
    })
  }
  const send = async (writes: readonly Write[]): Promise<readonly void[]> => {
    const left = (): readonly Write[] => writes.filter(({ leftOut }) => !leftOut)
    const heard = (record: string): boolean => {
      for (const write of writes) {
        if (write.record !== record) continue
        write.leftOut = true
        write.held()
      }
      return left().length === 0
    }
    for (const { record } of writes) if (turns.line().holder(record)) heard(record)
    if (left().length > 0 && (await turns.take(heard))) {
      await ready(writes)
      await turns.use((connection) => runAll(connection, left()))
    }
    return writes.map(() => undefined)
  }
  const joined = openCoalescing<Write, void>({
    send,
    mayBeOfOne: (error) => ofOne.delete(error),
    mostCalls: mostWrites,
    mostFlights: Number.POSITIVE_INFINITY,
  })

  return <Value>(record: string, act: (connection: Connection) => Value) =>
    new Promise<Value | undefined>((resolve, reject) => {
      if (turns.line().holder(record)) return resolve(undefined)
      let value: Value | undefined
      const write: Write = {
        record,
        act: (connection) => void (value = act(connection)),
        held: () => resolve(undefined),
        leftOut: false,
      }
      joined.ask(write).then(() => resolve(value), reject)
    })
}
