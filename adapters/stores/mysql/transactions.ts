import { answersSoon, openTransactions, refuseIdle } from '../../../src/index.js'
import { openPreparing, rowsOf, sendThrough } from './clients.js'
import { isClearRefusal, isUnsent, orConflict } from './faults.js'
import { guardConnection } from './guarded-connection.js'
import type { TransactionConnection } from '../../../src/index.js'
import type { MysqlBridge, MysqlConnection, MysqlPool, Send, Ways } from './clients.js'
import type { GuardedConnection } from './guarded-connection.js'
import type { Flavour } from './server.js'

/** How a store runs transactions, and sends statements in one. */
export interface MysqlTransactions {
  run<Value>(run: (tx: unknown) => Promise<Value>): Promise<Value>
  /** In one that a store has handed out; what a bridge cannot tell apart may be the user's own. */
  sendIn(tx: unknown): Ways
  /**
   * In one that a store has handed out, or in the user's own. Throws where one was handed out and is over, and for a pool. That none is open on a
   * connection is only known from the answer to a statement without rows, which then rejects, and has been committed.
   */
  sendInAny(tx: unknown): Send
}

const { handedOut, runOn, runThrough } = openTransactions({
  orConflict,
  whyNotCommitted: (error) => (isUnsent(error) ? 'not-sent' : isClearRefusal(error) ? 'refused' : undefined),
})

/** Transactions on connections of a pool, each handed out as a connection that works until its transaction ends. */
export function poolTransactions(
  pool: MysqlPool,
  flavour: () => Promise<Flavour>,
  idleLimitMs: number | undefined,
  waysOf: ReturnType<typeof openPreparing> = openPreparing(),
): MysqlTransactions {
  /** The server counts in seconds. MySQL has no limit for transactions alone, but one for connections that idle. */
  const limit = async (): Promise<string | undefined> =>
    idleLimitMs === undefined ? undefined : (await flavour()) === 'mariadb' ? 'idle_transaction_timeout' : 'wait_timeout'

  return {
    async run(run) {
      const variable = await limit()
      const idle = variable === undefined ? undefined : { variable, seconds: Math.ceil((idleLimitMs ?? 0) / 1_000) }
      return runOn(connectionOn(await pool.getConnection(), idle), run)
    },
    sendIn(tx) {
      if (!handedOut.has(tx)) throw new Error('claimIn takes the tx that transaction() of this store, or of another MySQL store, hands out')
      return waysOf(tx as MysqlConnection)
    },
    sendInAny: (tx) => sendThrough(handedOut.has(tx) ? (tx as MysqlConnection) : ownConnection(tx)),
  }
}

function connectionOn(
  connection: MysqlConnection,
  idle: { readonly variable: string; readonly seconds: number } | undefined,
): TransactionConnection {
  let guarded: GuardedConnection | undefined
  return {
    async begin() {
      if (idle) await connection.query(`set session ${idle.variable} = ${idle.seconds}`)
      await connection.query('start transaction')
      guarded = guardConnection(connection)
      return guarded.tx
    },
    async close() {
      // What was sent and not waited for is part of it.
      await guarded?.close()
      if (guarded?.lost) throw guarded.lost.error
    },
    cut: () => guarded?.cut(),
    async commit() {
      await connection.query('commit')
      return undefined
    },
    rollback: () => connection.query('rollback'),
    async release(clean) {
      if (clean && (!idle || (await answersSoon(connection.query(`set session ${idle.variable} = default`))))) connection.release()
      else connection.destroy()
    },
  }
}

/** The user's own connection of mysql2, on which they have begun a transaction. */
function ownConnection(tx: unknown): Pick<MysqlConnection, 'query'> {
  const connection = tx as MysqlConnection
  if (typeof tx !== 'object' || tx === null || typeof connection.query !== 'function')
    throw new Error('tx has to be a connection of mysql2/promise on which a transaction is open')
  if ('promise' in tx) throw new Error('tx is a connection of mysql2 with callbacks. Hand in its promise()')
  if ('getConnection' in tx)
    throw new Error(
      'tx is a pool, on which the statement would commit by itself. Hand in a connection of it, with a transaction that is open',
    )
  return {
    async query(text, values) {
      const answer = await connection.query(text, values)
      if (committedAlone(answer[0]))
        throw new Error('No transaction was open on what was handed in as tx, and the statement has committed by itself. Begin one first')
      return answer
    },
  }
}

/** The server says of each statement without rows whether a transaction is open after it (SERVER_STATUS_IN_TRANS). */
function committedAlone(header: unknown): boolean {
  if (typeof header !== 'object' || header === null || !('serverStatus' in header)) return false
  const { serverStatus } = header
  return typeof serverStatus === 'number' && (serverStatus & 1) === 0
}

/** Transactions that somebody else begins and ends. */
export function bridgeTransactions(bridge: MysqlBridge<unknown>): MysqlTransactions {
  const bridging = {
    transaction: <Value>(run: (tx: unknown) => Promise<Value>) => bridge.transaction(run),
    begun: () => Promise.resolve(),
    committing: () => Promise.resolve(),
  }
  const sendThroughBridge =
    (tx: unknown): Send =>
    async (text, values = []) =>
      rowsOf(await bridge.queryIn(tx, text, [...values]))
  return {
    run: (run) => runThrough(bridging, run),
    sendIn(tx) {
      handedOut.has(tx)
      const send = sendThroughBridge(tx)
      return { send, sendPrepared: send }
    },
    sendInAny(tx) {
      if (!handedOut.has(tx)) refuseIdle(tx)
      return sendThroughBridge(tx)
    },
  }
}
