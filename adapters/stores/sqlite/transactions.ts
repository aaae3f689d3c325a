import { CommitUnknownError, hasCode, openTransactions, refuse, refuseIdle, systemRandom } from '../../../src/index.js'
import { orConflict } from './faults.js'
import { closeQuietly, connectionOn, openOwn, shortly } from './handle.js'
import { patiently } from './patience.js'
import { bytes, unexpected, wholeMs } from './values.js'
import { tooLate } from './steps.js'
import type { ClaimInResult, TransactionConnection, TransactionalStore } from '../../../src/index.js'
import type { Connection, SqliteHandle, SqliteValue } from './handle.js'
import type { Line } from './line.js'
import type { Statements } from './statements.js'
import type { Steps } from './steps.js'

interface Transaction {
  readonly connection: Connection
  readonly line: Line
  /** Those of the store that has begun it. */
  readonly steps: Steps
  /** Whether it is its turn to write: from its first `claimIn` to its end. */
  writes: boolean
  /** Settles when it is known whether it has got its turn. */
  waits?: Promise<unknown> | undefined
}

// That a commit failed is known where the transaction can still be rolled back, which is tried there.
const { handedOut, runOn } = openTransactions({ orConflict, whyNotCommitted: () => 'refused' })
const transactions = new WeakMap<SqliteHandle, Transaction>()

export interface TransactionParts<Tx extends SqliteHandle> {
  readonly open: () => Tx
  readonly steps: Steps
  readonly statements: Statements
  readonly lockWaitMs: number
  /** What a record is called in the line, which all tables of a file share. */
  readonly inLine: (record: string) => string
}

/** Transactions with a connection each, which is closed at the end: what is done through it later fails. */
export function openStoreTransactions<Tx extends SqliteHandle>({
  open,
  steps,
  statements,
  lockWaitMs,
  inLine,
}: TransactionParts<Tx>): Pick<TransactionalStore<Tx>, 'transaction' | 'claimIn'> {
  return {
    async transaction(run) {
      const line = steps.line()
      let tx: Tx | undefined
      const connection = await patiently(lockWaitMs, () => openOwn(() => (tx = open())))
      const { handle } = connection
      if (steps.uses(handle) || transactions.has(handle))
        throw refuse(
          'database',
          'a function that gives the same connection again',
          'one that opens a new one',
          "() => new DatabaseSync('app.db')",
        )
      return runOn(connectionFor({ connection, line, steps, writes: false }, lockWaitMs), () => run(tx as Tx))
    },

    async claimIn(tx, record, { windowMs, claim }): Promise<ClaimInResult> {
      const transaction = handedOut.has(tx) ? transactions.get(tx) : undefined
      if (transaction?.steps !== steps) throw new Error('claimIn takes the tx that transaction() of this SQLite store hands out')
      const { line } = transaction
      const holder = line.holder(inLine(record))
      if (holder && holder !== tx) return { status: 'busy' }
      const name = bytes(record)
      const token = claim?.token ?? 0
      if (!holder) {
        // Most refusals need no lock, and so do not wait for whoever writes.
        const [refused] = await steps.read(({ all }) => all(statements.refusedIn, name, token, token, token))
        if (refused === 'busy' || refused === 'duplicate') return { status: refused }
      }

      if (!(await takeTurn(transaction, inLine(record), lockWaitMs))) return { status: 'busy' }
      const window = wholeMs(windowMs)
      const nonce = systemRandom.nonce()
      const values = [name, line.lastToken + 1, nonce, window, window, token, token, token, nonce]
      const [answer] = await writeIn(transaction, lockWaitMs, statements.claimIn, values)
      const [status, given] = String(answer).split(' ')
      if (status === 'busy' || status === 'duplicate') return { status }
      if (status !== 'claimed' || !Number.isSafeInteger(Number(given))) throw unexpected(answer)
      line.lastToken = Math.max(line.lastToken, Number(given))
      line.hold(inLine(record), tx)
      return { status }
    },
  }
}

function connectionFor(transaction: Transaction, lockWaitMs: number): TransactionConnection {
  const { connection, line } = transaction
  const { handle } = connection
  return {
    async begin() {
      transactions.set(handle, transaction)
      // It does not lock yet: a duplicate is told so while others write.
      handle.exec('begin')
      return handle
    },
    close: () => Promise.resolve(),
    cut: () => undefined,
    commit: () => commit(connection, lockWaitMs),
    // To close it rolls back what was not committed, and so does the end of the process.
    rollback: () => Promise.resolve(),
    release() {
      transactions.delete(handle)
      closeQuietly(handle)
      if (transaction.writes) line.give()
    },
  }
}

/** The commit is a call in this process: its answer is lost only where it fails, and no transaction is left to roll back. */
async function commit({ handle }: Connection, lockWaitMs: number): Promise<undefined> {
  try {
    await patiently(lockWaitMs, () => void handle.exec('commit'))
  } catch (error) {
    if (hasCode(error, 'transaction-conflict')) throw error
    try {
      handle.exec('rollback')
    } catch {
      throw new CommitUnknownError('SQLite failed in the commit, which may have gone through or not', { cause: error })
    }
    throw error
  }
}

/** Nobody else of this process writes from here to the end of the transaction; `false` when another one has claimed the record. */
async function takeTurn(transaction: Transaction, record: string | undefined, lockWaitMs: number): Promise<boolean> {
  // Two statements that are sent at once would otherwise wait for the end of their own transaction.
  while (transaction.waits) await transaction.waits
  if (transaction.writes) return true
  const { connection, line } = transaction
  try {
    if (record !== undefined && line.holder(record)) return false
    const turn = await (transaction.waits = line.take(lockWaitMs, (claimed) => claimed === record))
    if (turn === 'held') return false
    if (turn === 'late') throw tooLate(lockWaitMs)
    transaction.writes = transactions.has(connection.handle)
    if (!transaction.writes) line.give()
    return true
  } finally {
    transaction.waits = undefined
  }
}

/** Writes when it is its turn, and not once the transaction is over: what came between its commit and the closing would commit by itself. */
function writeIn(
  { connection }: Transaction,
  lockWaitMs: number,
  sql: string,
  values: readonly SqliteValue[],
): Promise<readonly unknown[]> {
  return patiently(lockWaitMs, () => {
    handedOut.has(connection.handle)
    return connection.all(sql, ...values)
  })
}

/**
 * Writes in a transaction that a store of this process has handed out, when it is its turn, or in the user's own. Rejects where one was handed
 * out and is over, and where the client says that none is open; `node:sqlite` does so from Node 22.16.
 */
export async function sendInAny(
  tx: SqliteHandle,
  lockWaitMs: number,
  sql: string,
  ...values: readonly SqliteValue[]
): Promise<readonly unknown[]> {
  const transaction = handedOut.has(tx) ? transactions.get(tx) : undefined
  if (transaction) {
    await takeTurn(transaction, undefined, lockWaitMs)
    return writeIn(transaction, lockWaitMs, sql, values)
  }
  if (typeof tx !== 'object' || tx === null || typeof tx.exec !== 'function' || typeof tx.prepare !== 'function')
    throw new Error('tx has to be an open database, of node:sqlite or better-sqlite3, with a transaction that is open')
  refuseIdle(tx)
  const connection = connectionOn(tx)
  return patiently(lockWaitMs, () => shortly(connection, () => connection.all(sql, ...values)))
}
