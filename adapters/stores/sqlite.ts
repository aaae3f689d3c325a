import { openSweep, refuseUnless, sleep, systemClock } from '../../src/index.js'
import { checkSchema, checkWritable } from './sqlite/check.js'
import { conflict } from './sqlite/faults.js'
import { refuseUnlessTable, statementsFor } from './sqlite/statements.js'
import { openSteps } from './sqlite/steps.js'
import { openStoreTransactions } from './sqlite/transactions.js'
import { bytes, unexpected, wholeMs } from './sqlite/values.js'
import type { ClaimResult, Store, TransactionalStore } from '../../src/index.js'
import type { SqliteHandle, SqliteValue } from './sqlite/handle.js'

export { sqliteOutbox } from './sqlite/outbox.js'
export type { SqliteHandle, SqliteStatement, SqliteValue } from './sqlite/handle.js'
export type { SqliteOutbox, SqliteOutboxOptions } from './sqlite/outbox.js'

/** An open database, for claims by lease; or what opens one, for `inbox` as well. */
export type SqliteDatabase = SqliteHandle | (() => SqliteHandle)

/** What the handler of an `inbox` gets as `tx`: what was opened for its transaction. */
export type SqliteTransaction<Database extends SqliteDatabase> = Database extends (() => infer Handle extends SqliteHandle) ? Handle : never

export interface SqliteStoreOptions {
  /** The table of the records: letters, digits and underscores. @default 'hapax_records' */
  readonly table?: string | undefined
  /**
   * How long a step waits while somebody else writes to the database, in milliseconds; at least 0. It then fails and can be tried again.
   * Waiting does not stop the process. @default 2_000
   */
  readonly lockWaitMs?: number | undefined
  /** How long to wait between two sweeps, in milliseconds, half of it more or less; at least 1. @default 60_000 */
  readonly sweepEveryMs?: number | undefined
  /** Told what a sweep failed with; the next one tries again. @default it is ignored */
  readonly onSweepFailed?: ((error: unknown) => void) | undefined
}

interface SqliteExtras extends AsyncDisposable {
  /** The statements that make the table, for those who run migrations. */
  readonly createTable: string
  /** Makes the table unless there is one. Safe to repeat, and for several processes at once. */
  applySchema(): Promise<void>
  /** Removes records that are over, 20,000 at most, without waiting for traffic: for tests and cron jobs. Never rejects. */
  sweep(): Promise<void>
  /** Closes what the store has opened; a transaction that is still open closes its own when it ends. Later steps reject. */
  close(): Promise<void>
}

/** A store in SQLite. Where it was made of an open database, which has no transactions to give, `Tx` is never, and it is no `TransactionalStore`. */
export type SqliteStore<Tx> = SqliteExtras & ([Tx] extends [never] ? Store : TransactionalStore<Tx>)

/** How many records one batch of a sweep removes, while the process stands still, and how many batches a sweep takes. */
const sweptAtOnce = 200
const mostBatches = 100
/** How long others go on between two batches, in milliseconds. */
const betweenBatchesMs = 5

/**
 * Keeps claims in a table of an SQLite database (3.42 or newer), by `node:sqlite` or better-sqlite3, on one host. Handed what opens the
 * database, `() => new DatabaseSync('app.db')`, it opens a connection for its own steps and one for each transaction; `tx` is the latter.
 * Handed an open database it works on that, by lease only: it has no `transaction`, and `inbox` refuses it.
 *
 * SQLite has one writer. From its `claimIn` to its end a transaction is that writer, and everybody else who writes to the database waits:
 * keep handlers under an `inbox` short.
 *
 * Throws a `ConfigurationError` for options that cannot be. A step throws code `transaction-conflict` when others write for longer than
 * `lockWaitMs`, and else whatever the client throws.
 */
export function sqliteStore<Database extends SqliteDatabase>(
  database: Database,
  options: SqliteStoreOptions = {},
): SqliteStore<SqliteTransaction<Database>> {
  if (typeof database !== 'function')
    refuseUnless.methods('database', database, ['exec', 'prepare', 'close'], "() => new DatabaseSync('app.db') of node:sqlite")
  refuseUnless.options(options, "{ table: 'hapax_records' }")
  const { table = 'hapax_records', lockWaitMs = 2_000, sweepEveryMs, onSweepFailed } = options
  refuseUnlessTable(table, 'hapax_records')
  refuseUnless.wholeNumber('lockWaitMs', lockWaitMs, { good: 2_000 })
  if (onSweepFailed !== undefined) refuseUnless.function('onSweepFailed', onSweepFailed, '(error) => console.error(error)')

  const statements = statementsFor(table)
  const steps = openSteps(database, lockWaitMs)
  const open = typeof database === 'function' ? (database as () => SqliteTransaction<Database>) : undefined
  const inLine = (record: string): string => `${table} ${record}`
  const step = async (record: string, sql: string, ...values: readonly SqliteValue[]): Promise<unknown> => {
    const rows = await steps.writeRecord(inLine(record), ({ all }) => all(sql, ...values))
    if (!rows) throw conflict(`${record} is being consumed in a transaction that is still open; try again`)
    return rows[0]
  }
  const sweep = openSweep({
    async batch() {
      await sleep(systemClock, betweenBatchesMs)
      return (await steps.write(({ all }) => all(statements.sweep, sweptAtOnce).length)) === sweptAtOnce
    },
    mostBatches,
    everyMs: sweepEveryMs,
    onFailed: onSweepFailed,
  })

  const store: Store & SqliteExtras = {
    async check() {
      steps.line()
      await steps.read((connection) => checkSchema(connection, table, statements))
      await steps.write((connection) => checkWritable(connection, statements))
    },
    async claim(record, { nonce, leaseMs, memoryMs }) {
      sweep.ride()
      const [lease, memory] = [wholeMs(leaseMs), wholeMs(memoryMs)]
      const line = steps.line()
      if (line.holder(inLine(record))) return { status: 'busy', retryInMs: lease }
      const name = bytes(record)
      // Most refusals need no lock, and so do not wait for whoever writes.
      const [refused] = await steps.read(({ all }) => all(statements.refused, name, nonce, nonce))
      if (refused !== undefined) return claimResult(record, refused)
      const result = await steps.writeRecord(inLine(record), ({ all }) => {
        const [answer] = all(statements.claim, name, line.lastToken + 1, nonce, lease, lease + memory, memory, nonce)
        const told = claimResult(record, answer)
        if (told.status === 'claimed') line.lastToken = Math.max(line.lastToken, told.claim.token)
        return told
      })
      return result ?? { status: 'busy', retryInMs: lease }
    },
    async renew({ record, token }, leaseMs) {
      const lease = wholeMs(leaseMs)
      return isDone(await step(record, statements.renew, lease, lease, bytes(record), token))
    },
    async complete({ record, token }, windowMs) {
      const window = wholeMs(windowMs)
      const answer = await step(record, statements.complete, bytes(record), token, window, window, token)
      if (answer !== 'done' && answer !== 'newer') throw unexpected(answer)
      return answer === 'done'
    },
    async release({ record, token }, { attempts, lapses, restMs }) {
      const rest = Math.ceil(restMs)
      return isDone(await step(record, statements.release, rest, rest, attempts, lapses, bytes(record), token))
    },

    createTable: statements.createTable,
    async applySchema() {
      await steps.write(({ handle }) => void handle.exec(statements.createTable))
    },
    sweep: () => sweep.now(),
    close: async () => steps.close(),
    [Symbol.asyncDispose]: async () => steps.close(),
  }
  if (!open) return store as SqliteStore<SqliteTransaction<Database>>

  const transactions = openStoreTransactions({ open, steps, statements, lockWaitMs, inLine })
  const transactional: TransactionalStore<SqliteTransaction<Database>> & SqliteExtras = {
    ...store,
    ...transactions,
    transaction(run) {
      sweep.ride()
      return transactions.transaction(run)
    },
  }
  return transactional
}

function claimResult(record: string, answer: unknown): ClaimResult {
  const [status, ...numbers] = String(answer).split(' ')
  const [first = Number.NaN, attempts = Number.NaN, lapses = Number.NaN] = numbers.map(Number)
  if (status === 'duplicate') return { status }
  if (status === 'busy' && Number.isSafeInteger(first)) return { status, retryInMs: first }
  if (status === 'claimed' && [first, attempts, lapses].every(Number.isSafeInteger))
    return { status, claim: { record, token: first, attempts, lapses } }
  throw unexpected(answer)
}

/** A statement that found nothing to change answers with no row, and one that did with this. */
function isDone(answer: unknown): boolean {
  if (answer !== undefined && answer !== 'done') throw unexpected(answer)
  return answer === 'done'
}
