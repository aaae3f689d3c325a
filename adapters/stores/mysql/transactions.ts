import { CommitUnknownError, systemClock, tooLate, within } from '../../../src/index.js'
import { rowsOf, sendThrough } from './clients.js'
import { isClearRefusal, isConflict, isUnsent, orConflict } from './faults.js'
import { guardConnection } from './guarded-connection.js'
import type { MysqlBridge, MysqlConnection, MysqlPool, Send } from './clients.js'
import type { Flavour } from './server.js'

/** How a store runs transactions, and sends a statement in one. */
export interface Transactions {
  run<Value>(run: (tx: unknown) => Promise<Value>): Promise<Value>
  sendIn(tx: unknown): Send
}

/** All transactions that were handed out by stores of this module; one of them may be used by two stores. */
const handedOut = new WeakMap<object, { ended: boolean }>()

/** A server that does not answer to a rollback in this time is at work for a statement of the handler: the connection is closed instead. */
const rollbackMs = 1_000

/** Transactions on connections of a pool, each handed out as a connection that works until its transaction ends. */
export function poolTransactions(pool: MysqlPool, flavour: () => Promise<Flavour>, idleLimitMs: number | undefined): Transactions {
  /** The server counts in seconds. MySQL has no limit for transactions alone, but one for connections that idle. */
  const limit = async (): Promise<string | undefined> =>
    idleLimitMs === undefined ? undefined : (await flavour()) === 'mariadb' ? 'idle_transaction_timeout' : 'wait_timeout'

  return {
    async run(run) {
      const variable = await limit()
      const connection = await pool.getConnection()
      let clean = false
      try {
        if (variable !== undefined) await connection.query(`set session ${variable} = ${Math.ceil((idleLimitMs ?? 0) / 1_000)}`)
        await connection.query('start transaction')
        const value = await runGuarded(connection, run, (rolledBack) => (clean = rolledBack))
        await committed(connection.query('commit'))
        clean = true
        return value
      } finally {
        if (clean && variable !== undefined) clean = await succeeds(connection.query(`set session ${variable} = default`))
        if (clean) connection.release()
        else connection.destroy()
      }
    },
    sendIn(tx) {
      if (!stillOpen(tx)) throw new Error('claimIn takes the tx that transaction() of this store, or of another MySQL store, hands out')
      return sendThrough(tx as MysqlConnection)
    },
  }
}

async function runGuarded<Value>(
  connection: MysqlConnection,
  run: (tx: unknown) => Promise<Value>,
  rolledBack: (clean: boolean) => void,
): Promise<Value> {
  const guarded = guardConnection(connection)
  const handed = { ended: false }
  handedOut.set(guarded.tx, handed)
  try {
    const value = await run(guarded.tx)
    handed.ended = true
    // What was sent and not waited for is part of it.
    await guarded.close()
    if (guarded.lost) throw guarded.lost.error
    return value
  } catch (error) {
    handed.ended = true
    guarded.cut()
    rolledBack(await succeeds(connection.query('rollback')))
    throw orConflict(error)
  }
}

/** Transactions that somebody else begins and ends. */
export function bridgeTransactions(bridge: MysqlBridge<unknown>): Transactions {
  return {
    async run<Value>(run: (tx: unknown) => Promise<Value>) {
      let threw: { readonly error: unknown } | undefined
      let committing = false
      try {
        return await bridge.transaction(async (tx): Promise<Value> => {
          const handed = { ended: false }
          if (typeof tx === 'object' && tx !== null) handedOut.set(tx, handed)
          try {
            const value = await run(tx)
            committing = true
            return value
          } catch (error) {
            threw = { error }
            throw error
          } finally {
            handed.ended = true
          }
        })
      } catch (error) {
        if (threw) throw orConflict(threw.error)
        return committing ? refusedOrUnknown(error) : Promise.reject(orConflict(error))
      }
    },
    sendIn(tx) {
      stillOpen(tx)
      return async (text, values = []) => rowsOf(await bridge.queryIn(tx, text, [...values]))
    },
  }
}

/** Whether we handed this transaction out. Throws when it is over. */
function stillOpen(tx: unknown): boolean {
  const handed = typeof tx === 'object' && tx !== null ? handedOut.get(tx) : undefined
  if (handed?.ended) throw new Error('This transaction is over: nothing can be claimed in it')
  return handed !== undefined
}

async function succeeds(answer: Promise<unknown>): Promise<boolean> {
  try {
    return (await within(systemClock, rollbackMs, answer)) !== tooLate
  } catch {
    return false
  }
}

async function committed(commit: Promise<unknown>): Promise<void> {
  try {
    await commit
  } catch (error) {
    return refusedOrUnknown(error)
  }
}

function refusedOrUnknown(error: unknown): never {
  if (isUnsent(error)) throw new Error('The connection was closed before the commit was sent: nothing was committed', { cause: error })
  if (isConflict(error) || isClearRefusal(error)) throw orConflict(error)
  throw new CommitUnknownError('The answer to the commit was lost: it may have committed or not', { cause: error })
}
