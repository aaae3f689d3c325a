import { CommitUnknownError, hasCode, refuse, systemRandom } from '../../../src/index.js'
import { orConflict } from './faults.js'
import { closeQuietly, openOwn } from './handle.js'
import { patiently } from './patience.js'
import { bytes, unexpected, wholeMs } from './values.js'
import { tooLate } from './steps.js'
import type { ClaimInResult, TransactionalStore } from '../../../src/index.js'
import type { Connection, SqliteHandle } from './handle.js'
import type { Line } from './line.js'
import type { Statements } from './statements.js'
import type { Steps } from './steps.js'

interface Transaction {
  readonly connection: Connection
  readonly line: Line
  /** Whether it is its turn to write: from its first `claimIn` to its end. */
  writes: boolean
}

export interface TransactionParts<Tx extends SqliteHandle> {
  readonly open: () => Tx
  readonly steps: Steps
  readonly statements: Statements
  readonly lockWaitMs: number
  /** What a record is called in the line, which all tables of a file share. */
  readonly inLine: (record: string) => string
}

/** Transactions with a connection each, which is closed at the end: what is done through it later fails. */
export function openTransactions<Tx extends SqliteHandle>({
  open,
  steps,
  statements,
  lockWaitMs,
  inLine,
}: TransactionParts<Tx>): Pick<TransactionalStore<Tx>, 'transaction' | 'claimIn'> {
  const transactions = new Map<SqliteHandle, Transaction>()

  /** The commit is a call in this process: its answer is lost only where it fails, and no transaction is left to roll back. */
  const commit = async ({ handle }: Connection): Promise<void> => {
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
  const end = ({ connection: { handle }, line, writes }: Transaction): void => {
    transactions.delete(handle)
    // To close it rolls back what was not committed, and so does the end of the process.
    closeQuietly(handle)
    if (writes) line.give()
  }
  /** Nobody else of this process writes from here to the end of the transaction. */
  const takeTurn = async (transaction: Transaction, name: string): Promise<boolean> => {
    if (transaction.writes) return true
    const turn = await transaction.line.take(name, lockWaitMs)
    if (turn === 'held') return false
    if (turn === 'late') throw tooLate(lockWaitMs)
    if (!transactions.has(transaction.connection.handle)) {
      transaction.line.give()
      throw isOver()
    }
    return (transaction.writes = true)
  }

  return {
    async transaction(run) {
      const line = steps.line()
      let tx: Tx | undefined
      const connection = await patiently(lockWaitMs, () => openOwn(() => (tx = open())))
      if (steps.uses(connection.handle) || transactions.has(connection.handle))
        throw refuse(
          'database',
          'a function that gives the same connection again',
          'one that opens a new one',
          "() => new DatabaseSync('app.db')",
        )
      const transaction: Transaction = { connection, line, writes: false }
      transactions.set(connection.handle, transaction)
      try {
        // It does not lock yet: a duplicate is told so while others write.
        connection.handle.exec('begin')
        const value = await run(tx as Tx)
        await commit(connection)
        return value
      } catch (error) {
        throw orConflict(error)
      } finally {
        end(transaction)
      }
    },

    async claimIn(tx, record, { windowMs, claim }): Promise<ClaimInResult> {
      const transaction = transactions.get(tx)
      if (!transaction) throw isOver()
      const { connection, line } = transaction
      const holder = line.holder(inLine(record))
      if (holder && holder !== tx) return { status: 'busy' }
      const name = bytes(record)
      const token = claim?.token ?? 0
      if (!holder) {
        // Most refusals need no lock, and so do not wait for whoever writes.
        const [refused] = await steps.read(({ all }) => all(statements.refusedIn, name, token, token, token))
        if (refused === 'busy' || refused === 'duplicate') return { status: refused }
      }

      if (!(await takeTurn(transaction, inLine(record)))) return { status: 'busy' }
      const window = wholeMs(windowMs)
      const nonce = systemRandom.nonce()
      const values = [name, line.lastToken + 1, nonce, window, window, token, token, token, nonce]
      const [answer] = await patiently(lockWaitMs, () => connection.all(statements.claimIn, ...values))
      const [status, given] = String(answer).split(' ')
      if (status === 'busy' || status === 'duplicate') return { status }
      if (status !== 'claimed' || !Number.isSafeInteger(Number(given))) throw unexpected(answer)
      line.lastToken = Math.max(line.lastToken, Number(given))
      line.hold(inLine(record), tx)
      return { status }
    },
  }
}

function isOver(): Error {
  return new Error('This transaction is over, or was not begun by this store: nothing can be claimed in it')
}
