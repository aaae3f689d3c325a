import { notInTransaction, openTransactions, refuseIdle } from '../../../src/index.js'
import { isPool } from './clients.js'
import { hasState, isClearRefusal, orConflict } from './faults.js'
import { guardClient } from './guarded-client.js'
import type { TransactionConnection } from '../../../src/index.js'
import type { PostgresBridge, PostgresClient, PostgresPool, PostgresRows, PostgresStatement } from './clients.js'
import type { GuardedClient } from './guarded-client.js'

/** How a store runs transactions, and sends a statement in one. */
export interface PostgresTransactions {
  run<Value>(run: (tx: unknown) => Promise<Value>): Promise<Value>
  /** In one that a store has handed out; what a bridge cannot tell apart may be the user's own. */
  sendIn(tx: unknown, statement: PostgresStatement): Promise<PostgresRows>
  /** In one that a store has handed out, or in the user's own. Rejects where one was handed out and is over, and where surely none is open. */
  sendInAny(tx: unknown, statement: PostgresStatement): Promise<PostgresRows>
}

const { handedOut, runOn, runThrough } = openTransactions({
  orConflict,
  whyNotCommitted: (error) => (isClearRefusal(error) ? 'refused' : undefined),
})

const failedInside =
  'The transaction was rolled back although its function returned: a statement in it had failed, and it went on. ' +
  'A savepoint keeps the failure of a statement from the rest of a transaction'

/** Transactions on connections of a `pg.Pool`, each handed out as a `PoolClient` that works until its transaction ends. */
export function poolTransactions(pool: PostgresPool, idleLimitMs: number | undefined): PostgresTransactions {
  const begin = idleLimitMs === undefined ? 'begin' : `begin; set local idle_in_transaction_session_timeout = ${idleLimitMs}`
  const send = (tx: unknown, statement: PostgresStatement): Promise<PostgresRows> => (tx as Pick<PostgresClient, 'query'>).query(statement)
  return {
    run: async (run) => runOn(connectionOn(await pool.connect(), begin), run),
    async sendIn(tx, statement) {
      if (!handedOut.has(tx))
        throw new Error('claimIn takes the tx that transaction() of this store, or of another PostgreSQL store, hands out')
      return send(tx, statement)
    },
    async sendInAny(tx, statement) {
      if (!handedOut.has(tx)) refuseForeign(tx)
      return send(tx, statement)
    },
  }
}

function connectionOn(client: PostgresClient, begin: string): TransactionConnection {
  let guarded: GuardedClient | undefined
  // The pool does not listen to a connection that is handed out, and an event that nobody listens to would end the process.
  let broken: Error | undefined
  const listen = (error: Error): void => void (broken ??= error)
  client.on('error', listen)

  return {
    async begin() {
      await client.query({ text: begin })
      guarded = guardClient(client)
      return guarded.tx
    },
    async close() {
      guarded?.end()
      if (client.getTransactionStatus?.() === 'I')
        throw new Error('The transaction was ended by a statement in it. Leave that to the store')
    },
    cut: () => guarded?.end(),
    async commit() {
      // What ended the connection before says more than that it is gone.
      const { command } = await client.query({ text: 'commit' }).catch((error: unknown) => Promise.reject(broken ?? (error as Error)))
      return command === 'ROLLBACK' ? new Error(failedInside) : undefined
    },
    rollback: () => client.query({ text: 'rollback' }),
    release(clean) {
      client.removeListener('error', listen)
      client.release(!clean)
    },
  }
}

/** The user's own: a client of node-postgres on which they have begun a transaction. */
function refuseForeign(tx: unknown): void {
  if (typeof tx !== 'object' || tx === null || typeof (tx as Partial<PostgresClient>).query !== 'function')
    throw new Error('tx has to be a client of node-postgres on which a transaction is open')
  if (isPool(tx as PostgresPool))
    throw new Error('tx is a pool, on which the statement would commit by itself. Hand in a client of it, with a transaction that is open')
  if ((tx as PostgresClient).getTransactionStatus?.() === 'I') throw notInTransaction()
}

/** Transactions that somebody else begins and ends. */
export function bridgeTransactions(bridge: PostgresBridge<unknown>, idleLimitMs: number | undefined): PostgresTransactions {
  const bridging = {
    transaction: <Value>(run: (tx: unknown) => Promise<Value>) => bridge.transaction(run),
    async begun(tx: unknown) {
      if (idleLimitMs === undefined) return
      await bridge.queryIn(tx, `select set_config('idle_in_transaction_session_timeout', $1::text, true)`, [String(idleLimitMs)])
    },
    // At the commit, a transaction with a failed statement is rolled back, and most libraries do not tell. This statement does.
    committing: async (tx: unknown) => void (await bridge.queryIn(tx, 'select 1', []).catch(tellFailure)),
  }
  return {
    run: (run) => runThrough(bridging, run),
    async sendIn(tx, { text, values = [] }) {
      handedOut.has(tx)
      return bridge.queryIn(tx, text, values)
    },
    async sendInAny(tx, { text, values = [] }) {
      if (!handedOut.has(tx)) refuseIdle(tx)
      return bridge.queryIn(tx, text, values)
    },
  }
}

function tellFailure(error: unknown): never {
  if (hasState(error, '25P02')) throw new Error(failedInside, { cause: error })
  throw error
}
