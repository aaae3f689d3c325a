import { CommitUnknownError, TransactionConflictError, systemClock, tooLate, within } from '../../../src/index.js'
import { hasState, isClearRefusal, isConflict } from './faults.js'
import { guardClient } from './guarded-client.js'
import type { PostgresBridge, PostgresPool, PostgresRows, PostgresStatement } from './clients.js'

/** How a store runs transactions, and sends a statement in one. */
export interface Transactions {
  run<Value>(run: (tx: unknown) => Promise<Value>): Promise<Value>
  sendIn(tx: unknown, statement: PostgresStatement): Promise<PostgresRows>
}

type Ended = 'open' | 'over'

/** All transactions that were handed out by stores of this module; one of them may be used by two stores. */
const handedOut = new WeakMap<object, { ended: Ended }>()

/** A server that does not answer to a rollback in this time is at work for a statement of the handler: the connection is closed instead. */
const rollbackMs = 1_000

const failedInside =
  'The transaction was rolled back although its function returned: a statement in it had failed, and it went on. ' +
  'A savepoint keeps the failure of a statement from the rest of a transaction'

/** Transactions on connections of a `pg.Pool`, each handed out as a `PoolClient` that works until its transaction ends. */
export function poolTransactions(pool: PostgresPool, idleLimitMs: number | undefined): Transactions {
  const begin = idleLimitMs === undefined ? 'begin' : `begin; set local idle_in_transaction_session_timeout = ${idleLimitMs}`
  return {
    async run(run) {
      const client = await pool.connect()
      // The pool does not listen to a connection that is handed out, and an event that nobody listens to would end the process.
      let broken: Error | undefined
      const listen = (error: Error): void => void (broken ??= error)
      client.on('error', listen)
      let clean = false
      try {
        await client.query({ text: begin })
        const guarded = guardClient(client)
        const handed = { ended: 'open' as Ended }
        handedOut.set(guarded.tx, handed)
        let value
        try {
          value = await run(guarded.tx)
        } catch (error) {
          handed.ended = 'over'
          guarded.end()
          clean = await rolledBack(client.query({ text: 'rollback' }))
          throw asConflict(error)
        }
        handed.ended = 'over'
        guarded.end()
        if (client.getTransactionStatus?.() === 'I')
          throw new Error('The transaction was ended by a statement in it. Leave that to the store')
        // What ended the connection before says more than that it is gone.
        const { command } = await client.query({ text: 'commit' }).catch((error: unknown) => refusedOrUnknown(broken ?? error))
        clean = true
        if (command === 'ROLLBACK') throw new Error(failedInside)
        return value
      } finally {
        client.removeListener('error', listen)
        client.release(!clean)
      }
    },
    sendIn(tx, statement) {
      const client = tx as { query(statement: PostgresStatement): Promise<PostgresRows> }
      if (!stillOpen(tx))
        throw new Error('claimIn takes the tx that transaction() of this store, or of another PostgreSQL store, hands out')
      return client.query(statement)
    },
  }
}

/** Transactions that somebody else begins and ends. */
export function bridgeTransactions(bridge: PostgresBridge<unknown>, idleLimitMs: number | undefined): Transactions {
  return {
    async run<Value>(run: (tx: unknown) => Promise<Value>) {
      let threw: { readonly error: unknown } | undefined
      let committing = false
      try {
        return await bridge.transaction(async (tx): Promise<Value> => {
          // Some libraries try again by themselves.
          threw = undefined
          committing = false
          const handed = { ended: 'open' as Ended }
          if (typeof tx === 'object' && tx !== null) handedOut.set(tx, handed)
          if (idleLimitMs !== undefined) {
            await bridge.queryIn(tx, `select set_config('idle_in_transaction_session_timeout', $1::text, true)`, [String(idleLimitMs)])
          }
          let value
          try {
            value = await run(tx)
          } catch (error) {
            threw = { error }
            throw error
          } finally {
            handed.ended = 'over'
          }
          committing = true
          // At the commit, a transaction with a failed statement is rolled back, and most libraries do not tell. This statement does.
          await bridge.queryIn(tx, 'select 1', []).catch(tellFailure)
          return value
        })
      } catch (error) {
        if (threw) throw asConflict(threw.error)
        return committing ? refusedOrUnknown(error) : Promise.reject(asConflict(error))
      }
    },
    sendIn(tx, { text, values = [] }) {
      stillOpen(tx)
      return bridge.queryIn(tx, text, values)
    },
  }
}

/** Whether we handed this transaction out. Throws when it is over. */
function stillOpen(tx: unknown): boolean {
  const handed = typeof tx === 'object' && tx !== null ? handedOut.get(tx) : undefined
  if (handed?.ended === 'over') throw new Error('This transaction is over: nothing can be claimed in it')
  return handed !== undefined
}

async function rolledBack(answer: Promise<unknown>): Promise<boolean> {
  try {
    return (await within(systemClock, rollbackMs, answer)) !== tooLate
  } catch {
    return false
  }
}

function asConflict(error: unknown): unknown {
  return isConflict(error)
    ? new TransactionConflictError('The database gave up the transaction for the sake of another one', { cause: error })
    : error
}

function refusedOrUnknown(error: unknown): never {
  if (isConflict(error) || isClearRefusal(error)) throw asConflict(error)
  throw new CommitUnknownError('The answer to the commit was lost: it may have committed or not', { cause: error })
}

function tellFailure(error: unknown): never {
  if (hasState(error, '25P02')) throw new Error(failedInside, { cause: error })
  throw error
}
