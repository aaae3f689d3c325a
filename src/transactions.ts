import { systemClock, tooLate, within } from './clock.js'
import { CommitUnknownError, TransactionConflictError, hasCode } from './errors.js'
import { openHandedOut } from './handed-out.js'
import type { Clock } from './clock.js'
import type { HandedOut } from './handed-out.js'

/** A connection for the time of one transaction. */
export interface TransactionConnection {
  /** Begins the transaction. Answers what is handed out as `tx`. */
  begin(): Promise<object>
  /** `run` has returned: from now on nothing is let through. Rejects where the transaction cannot be committed any more; it is then rolled back. */
  close(): Promise<void>
  /** `run` has thrown, or `close` has rejected: from now on nothing is let through. */
  cut(): void
  /** Rejects when the commit failed. Resolves when it was answered: with an error, if that says that the transaction was rolled back instead. */
  commit(): Promise<Error | undefined>
  rollback(): Promise<unknown>
  /** Gives the connection up; `clean` is false when it may still be in the transaction, or broken. Called once, whatever happened. */
  release(clean: boolean): void | Promise<void>
}

/** Transactions that something else begins and ends: a query builder, an ORM. */
export interface TransactionBridge<Tx> {
  /** Commits when `run` resolves, and rolls back when it rejects. */
  transaction<Value>(run: (tx: Tx) => Promise<Value>): Promise<Value>
  /** Called before anything else is done in the transaction. */
  begun(tx: Tx): Promise<void>
  /** Called last in the transaction. What it rejects with is judged as a failure of the commit. */
  committing(tx: Tx): Promise<void>
}

/** What a database means by what it throws. */
export interface TransactionFaults {
  /** The error itself, or, where the database gave up the transaction for the sake of another one, a `TransactionConflictError` for it. */
  readonly orConflict: (error: unknown) => unknown
  /** Why a commit that failed has surely committed nothing: the database said so, or was never asked. Undefined where it may have. */
  readonly whyNotCommitted: (error: unknown) => 'refused' | 'not-sent' | undefined
}

/** Runs transactions as `TransactionalStore.transaction` has to. */
export interface Transactions {
  /** What it hands out, while it is open and afterwards. */
  readonly handedOut: HandedOut
  /** Runs one on a connection of its own, which is released at the end. */
  readonly runOn: <Value>(connection: TransactionConnection, run: (tx: unknown) => Promise<Value>) => Promise<Value>
  /** Runs one that the bridge begins and ends. */
  readonly runThrough: <Value, Tx>(bridge: TransactionBridge<Tx>, run: (tx: Tx) => Promise<Value>) => Promise<Value>
}

/** A server that does not answer to a rollback in this time is at work for a statement of the handler: the connection is given up instead. */
const soonMs = 1_000

/** What the transactions of SQL stores have in common. Opened once for all stores of one kind, as one may use a transaction of another. */
export function openTransactions({ orConflict, whyNotCommitted }: TransactionFaults, clock: Clock = systemClock): Transactions {
  const handedOut = openHandedOut()

  /** What a failed commit is told as. */
  const judge = (error: unknown, why: 'refused' | 'not-sent' | undefined): unknown => {
    if (why === 'not-sent')
      return new Error('The connection was closed before the commit was sent: nothing was committed', { cause: error })
    const told = orConflict(error)
    if (why === 'refused' || hasCode(told, 'transaction-conflict')) return told
    return new CommitUnknownError('The answer to the commit was lost: it may have committed or not', { cause: error })
  }

  return {
    handedOut,

    async runOn(connection, run) {
      let clean = false
      try {
        const tx = await connection.begin()
        const end = handedOut.add(tx)
        let value
        try {
          value = await run(tx)
          end()
          await connection.close()
        } catch (error) {
          end()
          connection.cut()
          clean = await answersSoon(connection.rollback(), clock)
          throw orConflict(error)
        }
        const undone = await connection.commit().catch((error: unknown) => Promise.reject(judge(error, whyNotCommitted(error))))
        clean = true
        if (undone) throw undone
        return value
      } finally {
        await connection.release(clean)
      }
    },

    async runThrough(bridge, run) {
      let threw: { readonly error: unknown } | undefined
      let committing = false
      try {
        return await bridge.transaction(async (tx) => {
          // Some libraries try again by themselves.
          threw = undefined
          committing = false
          const end = handedOut.add(tx)
          try {
            await bridge.begun(tx)
            let value
            try {
              value = await run(tx)
            } catch (error) {
              threw = { error }
              throw error
            }
            end()
            committing = true
            await bridge.committing(tx)
            return value
          } finally {
            end()
          }
        })
      } catch (error) {
        // By who threw, not by what was thrown: the library may wrap it.
        if (threw) throw orConflict(threw.error)
        if (!committing) throw orConflict(error)
        // What was not sent may be the rollback that the library tries after a commit whose answer was lost.
        const why = whyNotCommitted(error)
        throw judge(error, why === 'refused' ? why : undefined)
      }
    },
  }
}

/** Whether the server has done what it was asked for at the end of a transaction: no for a fault, and for an answer that takes longer than a second. */
export async function answersSoon(answer: Promise<unknown>, clock: Clock = systemClock): Promise<boolean> {
  try {
    return (await within(clock, soonMs, answer)) !== tooLate
  } catch {
    return false
  }
}

/** Makes `orConflict` of what tells a conflict. */
export function conflictWhere(
  isConflict: (error: unknown) => boolean,
  message = 'The database gave up the transaction for the sake of another one',
): (error: unknown) => unknown {
  return (error) =>
    !hasCode(error, 'transaction-conflict') && isConflict(error) ? new TransactionConflictError(message, { cause: error }) : error
}
