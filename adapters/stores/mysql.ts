import { TransactionConflictError, openSweep, refuse, refuseUnless } from '../../src/index.js'
import { isBridge, openPreparing, refuseUnlessDatabase, rowsOf } from './mysql/clients.js'
import { claimInStep, claimStep, completeStep, releaseStep, renewStep } from './mysql/forms.js'
import { applySchema, checkSchema, sweepOnce, sweptAtOnce, writeSchema } from './mysql/schema.js'
import { openServer } from './mysql/server.js'
import { openSteps } from './mysql/steps.js'
import { bridgeTransactions, poolTransactions } from './mysql/transactions.js'
import type { ClaimResult, TransactionalStore } from '../../src/index.js'
import type { MysqlBridge, MysqlDatabase, MysqlTransaction, Send, Ways } from './mysql/clients.js'
import type { Step } from './mysql/forms.js'
import type { Row } from './mysql/rows.js'

export { mysqlOutbox } from './mysql/outbox.js'
export type { MysqlOutbox, MysqlOutboxOptions } from './mysql/outbox.js'
export type { MysqlBridge, MysqlConnection, MysqlDatabase, MysqlPool, MysqlRows, MysqlTransaction, MysqlValue } from './mysql/clients.js'

export interface MysqlStoreOptions {
  /** The table of this store: letters, digits and underscores, at most 48. @default 'hapax_records' */
  readonly table?: string | undefined
  /** The database that the table is in; it has to exist. @default the one that the connections use */
  readonly schema?: string | undefined
  /** How long to wait between two sweeps of records that are over, in milliseconds, half of it more or less; at least 1. @default 60_000 */
  readonly sweepEveryMs?: number | undefined
  /** Told what a sweep failed with; the next one tries again. @default it is ignored */
  readonly onSweepFailed?: ((error: unknown) => void) | undefined
  /**
   * After how long without a statement the server ends a transaction of `transaction` by itself, in milliseconds, rounded up to seconds; at least
   * 1. It frees the key of a machine that has vanished without closing its connections. Make it longer than `maxRunMs` plus the lease, as a handler
   * may be at other things all that time. Costs two round trips. With a bridge, set it where your connections are made. @default as the server is set (wait_timeout, 8 hours)
   */
  readonly idleLimitMs?: number | undefined
}

/** A store in MySQL or MariaDB. */
export interface MysqlStore<Tx> extends TransactionalStore<Tx> {
  /** The statements that make the tables, for those who run migrations. */
  readonly createTable: string
  /** Makes the tables unless they are there. Safe to repeat, and for several instances at once. */
  applySchema(): Promise<void>
  /** Removes records that are over, 20,000 at most, without waiting for traffic: for tests and cron jobs. Never rejects. */
  sweep(): Promise<void>
}

/** How often a record is completed that is forgotten at once. */
const mostCompletions = 5

/**
 * Keeps claims in a table of MySQL 8.0 or MariaDB 10.6, or later, judged by the server's clock. It is made of a `Pool` of mysql2/promise, or of a
 * bridge to what your transactions belong to (Kysely, Drizzle, Prisma).
 *
 * Throws a `ConfigurationError` for options that cannot be. Whatever the client rejects with is thrown by the step.
 */
export function mysqlStore<Database extends MysqlDatabase>(
  database: Database,
  options: MysqlStoreOptions = {},
): MysqlStore<MysqlTransaction<Database>> {
  refuseUnlessDatabase(database)
  refuseUnless.options(options, "{ table: 'hapax_records' }")
  const { table: name = 'hapax_records', schema, sweepEveryMs = 60_000, onSweepFailed, idleLimitMs } = options
  refuseUnless.identifier('table', name, 'hapax_records')
  if (schema !== undefined) refuseUnless.identifier('schema', schema, 'orders')
  if (onSweepFailed !== undefined) refuseUnless.function('onSweepFailed', onSweepFailed, '(error) => console.error(error)')
  if (idleLimitMs !== undefined) {
    if (isBridge(database)) throw refuse('idleLimitMs', idleLimitMs, 'left out with a bridge', undefined)
    refuseUnless.wholeNumber('idleLimitMs', idleLimitMs, { least: 1, most: 2 ** 31 - 1, good: 1_200_000 })
  }

  const table = schema === undefined ? `\`${name}\`` : `\`${schema}\`.\`${name}\``
  const waysOf = openPreparing()
  const ways = isBridge(database) ? waysThrough(database) : waysOf(database)
  const { send } = ways
  const flavour = openServer(send)
  const steps = openSteps(table, ways, flavour)
  const transactions = isBridge(database) ? bridgeTransactions(database) : poolTransactions(database, flavour, idleLimitMs, waysOf)
  const sweep = openSweep({
    everyMs: sweepEveryMs,
    onFailed: onSweepFailed,
    batch: async () => (await sweepOnce(send, await flavour(), table)) >= sweptAtOnce,
  })

  /** Of a step that only the holder of a claim does. */
  const row = async (record: string, step: Step): Promise<Row> => {
    const found = await steps.run(step)
    if (found) return found
    throw new TransactionConflictError(`${record} is being consumed in a transaction that is still open; try again`)
  }

  return {
    check: async () => checkSchema(send, await flavour(), { table, name, schema }),

    async claim(record, { nonce, leaseMs, memoryMs }): Promise<ClaimResult> {
      sweep.ride()
      const found = await steps.run(claimStep(record, nonce, wholeMs(leaseMs), wholeMs(memoryMs)))
      if (!found) return { status: 'busy', retryInMs: wholeMs(leaseMs) }
      const { state, token, attempts, lapses, leftMs, sameNonce } = found
      if (state === 1) return { status: 'duplicate' }
      if (state === 0 && sameNonce) return { status: 'claimed', claim: { record, token, attempts, lapses } }
      return { status: 'busy', retryInMs: Math.max(1, leftMs) }
    },
    async renew({ record, token }, leaseMs) {
      const found = await row(record, renewStep(record, token, wholeMs(leaseMs)))
      return found.live && found.state === 0 && found.token === token
    },
    async complete({ record, token }, windowMs) {
      // On MySQL the row is read after it was written: one that was over again meanwhile tells nothing, and is written again.
      for (let tries = 1; tries <= mostCompletions; tries += 1) {
        const found = await row(record, completeStep(record, token, wholeMs(windowMs)))
        if (found.token > token) return false
        if (found.token === token && found.state === 1) return true
      }
      throw new Error(`${record} was forgotten each time it was completed: is a window of ${windowMs} ms what you want?`)
    },
    async release({ record, token }, { attempts, lapses, restMs }) {
      const found = await row(record, releaseStep(record, token, Math.ceil(restMs), attempts, lapses))
      return found.written && found.state === 2
    },

    transaction(run) {
      sweep.ride()
      return transactions.run(run as (tx: unknown) => ReturnType<typeof run>)
    },
    async claimIn(tx, record, { windowMs, claim }) {
      const found = await steps.runIn(transactions.sendIn(tx), claimInStep(record, claim?.token ?? 0, wholeMs(windowMs)))
      if (!found) return { status: 'busy' }
      if (found.written) return { status: 'claimed' }
      return { status: found.state === 1 ? 'duplicate' : 'busy' }
    },

    createTable: writeSchema(table),
    applySchema: async () => applySchema(send, await flavour(), table),
    sweep: () => sweep.now(),
  }
}

function waysThrough(bridge: MysqlBridge<unknown>): Ways {
  const send: Send = async (text, values = []) => rowsOf(await bridge.query(text, [...values]))
  return { send, sendPrepared: send }
}

/** The table holds whole milliseconds. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}
