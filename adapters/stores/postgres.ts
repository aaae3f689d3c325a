import { TransactionConflictError, openSweep, refuseUnless } from '../../src/index.js'
import { openAsking } from './postgres/asking.js'
import { isBridge, isPool, refuseUnlessDatabase } from './postgres/clients.js'
import { isLostName } from './postgres/faults.js'
import { applySchema, checkSchema, writeTable } from './postgres/schema.js'
import { sweptAtOnce, writeStatements } from './postgres/statements.js'
import { openSteps } from './postgres/steps.js'
import { bridgeTransactions, poolTransactions } from './postgres/transactions.js'
import type { ClaimResult, Store, TransactionalStore } from '../../src/index.js'
import type { PostgresDatabase, PostgresTransaction } from './postgres/clients.js'

export { postgresOutbox } from './postgres/outbox.js'
export type { PostgresOutbox, PostgresOutboxOptions } from './postgres/outbox.js'
export type {
  PostgresBridge,
  PostgresClient,
  PostgresDatabase,
  PostgresPool,
  PostgresQueries,
  PostgresRows,
  PostgresStatement,
  PostgresTransaction,
  PostgresValue,
} from './postgres/clients.js'

export interface PostgresStoreOptions {
  /** The table of this store: letters, digits and underscores, at most 48. @default 'hapax_records' */
  readonly table?: string | undefined
  /** The schema of the table; it has to exist. @default the first of the connection's `search_path` that has the table */
  readonly schema?: string | undefined
  /** How long to wait between two sweeps of records that are over, in milliseconds, half of it more or less; at least 1. @default 60_000 */
  readonly sweepEveryMs?: number | undefined
  /** Told what a sweep failed with; the next one tries again. @default it is ignored */
  readonly onSweepFailed?: ((error: unknown) => void) | undefined
  /**
   * After how long without a statement the server ends a transaction of `transaction` by itself, in milliseconds; at least 1. It frees the key
   * of a machine that has vanished without closing its connections. Make it longer than `maxRunMs` plus the lease, as a handler may be at
   * other things all that time. @default as the server is set (idle_in_transaction_session_timeout)
   */
  readonly idleLimitMs?: number | undefined
  /** Whether statements are prepared, once for each connection. Turn it off behind a PgBouncer older than 1.21 in transaction mode. @default true */
  readonly prepare?: boolean | undefined
}

interface PostgresExtras {
  /** The statement that makes the table, for those who run migrations. */
  readonly createTable: string
  /** Makes the table unless there is one. Safe to repeat, and for several instances at once. */
  applySchema(): Promise<void>
  /** Removes records that are over, 20,000 at most, without waiting for traffic: for tests and cron jobs. Never rejects. */
  sweep(): Promise<void>
}

/** A store in PostgreSQL. Where it was made of something without transactions, `Tx` is never, and it is no `TransactionalStore`. */
export type PostgresStore<Tx> = PostgresExtras & ([Tx] extends [never] ? Store : TransactionalStore<Tx>)

/**
 * Keeps claims in a table of PostgreSQL 12 or later, with one statement per step, judged by the server's clock. It is made of a `pg.Pool`; of a
 * bridge to what your transactions belong to (Kysely, Drizzle, Prisma); or, for claims by lease alone, of anything that runs a statement.
 *
 * Throws a `ConfigurationError` for options that cannot be. Whatever the client rejects with is thrown by the step.
 */
export function postgresStore<Database extends PostgresDatabase>(
  database: Database,
  options: PostgresStoreOptions = {},
): PostgresStore<PostgresTransaction<Database>> {
  refuseUnlessDatabase(database)
  refuseUnless.options(options, "{ table: 'hapax_records' }")
  const { table = 'hapax_records', schema, sweepEveryMs = 60_000, onSweepFailed, idleLimitMs, prepare = true } = options
  refuseUnless.identifier('table', table, 'hapax_records')
  if (schema !== undefined) refuseUnless.identifier('schema', schema, 'public')
  if (onSweepFailed !== undefined) refuseUnless.function('onSweepFailed', onSweepFailed, '(error) => console.error(error)')
  if (idleLimitMs !== undefined) refuseUnless.wholeNumber('idleLimitMs', idleLimitMs, { least: 1, most: 2 ** 31 - 1, good: 1_200_000 })
  refuseUnless.boolean('prepare', prepare, true)

  const name = schema === undefined ? `"${table}"` : `"${schema}"."${table}"`
  const statements = writeStatements(name)
  const asking = openAsking(database, prepare)
  const steps = openSteps(asking, statements.steps)
  const sweep = openSweep({
    everyMs: sweepEveryMs,
    onFailed: onSweepFailed,
    batch: async () => wholeNumber(await asking.askOnce(statements.sweep.text)) >= sweptAtOnce,
  })

  /** Of a step that only the holder of a claim does: whether it was done. */
  const done = async (record: string, asked: Promise<string>): Promise<boolean> => {
    const answer = await asked
    if (answer === 'held') {
      throw new TransactionConflictError(`${record} is being consumed in a transaction that is still open; try again`)
    }
    if (answer !== 'yes' && answer !== 'no') throw unexpected(answer)
    return answer === 'yes'
  }

  const store: Store & PostgresExtras = {
    check: () => checkSchema(asking, name),

    async claim(record, { nonce, leaseMs, memoryMs }): Promise<ClaimResult> {
      sweep.ride()
      const answer = await steps.claim([hex(record), nonce, wholeMs(leaseMs), wholeMs(memoryMs)])
      const [status, ...numbers] = answer.split(' ')
      const [first, attempts, lapses] = numbers.map(wholeNumber)
      if (status === 'claimed' && first !== undefined && attempts !== undefined && lapses !== undefined)
        return { status, claim: { record, token: first, attempts, lapses } }
      if (status === 'busy' && first !== undefined) return { status, retryInMs: first }
      if (status === 'duplicate') return { status }
      if (status === 'held') return { status: 'busy', retryInMs: wholeMs(leaseMs) }
      throw unexpected(answer)
    },
    renew: ({ record, token }, leaseMs) => done(record, steps.renew([hex(record), token, wholeMs(leaseMs)])),
    complete: ({ record, token }, windowMs) => done(record, steps.complete([hex(record), token, wholeMs(windowMs)])),
    release: ({ record, token }, { attempts, lapses, restMs }) =>
      done(record, steps.release([hex(record), token, Math.ceil(restMs), attempts, lapses])),

    createTable: `${writeTable(name)};`,
    applySchema: () => applySchema(asking, name),
    sweep: () => sweep.now(),
  }

  const transactions = isBridge(database)
    ? bridgeTransactions(database, idleLimitMs)
    : isPool(database)
      ? poolTransactions(database, idleLimitMs)
      : undefined
  if (!transactions) return store as PostgresStore<PostgresTransaction<Database>>

  const transactional: TransactionalStore<unknown> & PostgresExtras = {
    ...store,
    transaction(run) {
      sweep.ride()
      return transactions.run(run)
    },
    async claimIn(tx, record, { windowMs, claim }) {
      const values = [hex(record), wholeMs(windowMs), claim?.token ?? 0]
      try {
        const answer = await asking.askIn((statement) => transactions.sendIn(tx, statement), statements.claimIn, values)
        if (answer === 'claimed' || answer === 'busy' || answer === 'duplicate') return { status: answer }
        throw unexpected(answer)
      } catch (error) {
        // The transaction has failed with the statement. Run again, it is sent under another name.
        if (isLostName(error)) throw new TransactionConflictError('The connection has lost its prepared statements', { cause: error })
        throw error
      }
    },
  }
  return transactional as PostgresStore<PostgresTransaction<Database>>
}

/** Records cross over as ASCII, whatever the encoding of the database is. */
function hex(record: string): string {
  return Buffer.from(record).toString('hex')
}

/** The table holds whole milliseconds. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}

function wholeNumber(text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number
  throw unexpected(text)
}

function unexpected(answer: string): Error {
  return new Error(`PostgreSQL gave an answer that a statement of Hapax never gives: ${JSON.stringify(answer)}`)
}
