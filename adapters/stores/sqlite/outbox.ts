import { openOutbox, refuseUnless } from '../../../src/index.js'
import { openOutboxTable } from './outbox-table.js'
import { outboxStatementsFor } from './outbox-statements.js'
import { openSteps } from './steps.js'
import { refuseUnlessTable } from './statements.js'
import type { Outbox } from '../../../src/index.js'
import type { SqliteHandle } from './handle.js'

export interface SqliteOutboxOptions {
  /** The table of this outbox: letters, digits and underscores, at most 48. A second one, of lanes, is named `<table>_lanes`. @default 'hapax_outbox' */
  readonly table?: string | undefined
  /**
   * How long a step waits while somebody else writes to the database, in milliseconds; at least 0. It then fails and can be tried again.
   * Waiting does not stop the process. @default 2_000
   */
  readonly lockWaitMs?: number | undefined
}

/** An outbox in SQLite. */
export interface SqliteOutbox<Tx> extends Outbox<Tx>, AsyncDisposable {
  /** The statements that make the tables, for those who run migrations. */
  readonly createTable: string
  /** Makes the tables unless they are there. Safe to repeat, and for several processes at once. */
  applySchema(): Promise<void>
  /** Closes what the outbox has opened. Stop its relays first: later steps reject. */
  close(): Promise<void>
}

/**
 * Keeps messages in a table of an SQLite database (3.42 or newer) until they are published, by `node:sqlite` or better-sqlite3, on one host. Handed
 * what opens the database, `() => new DatabaseSync('app.db')`, it opens a connection for its own steps; handed an open database, it works on that.
 *
 * `send` takes the `tx` of a `sqliteStore` on the same file, or a connection of your own on which a transaction is open. From then on that
 * transaction is the one writer, to its end.
 *
 * Throws a `ConfigurationError` for options that cannot be. A step throws code `transaction-conflict` when others write for longer than
 * `lockWaitMs`, and else whatever the client throws.
 */
export function sqliteOutbox<Handle extends SqliteHandle>(
  database: Handle | (() => Handle),
  options: SqliteOutboxOptions = {},
): SqliteOutbox<Handle> {
  if (typeof database !== 'function')
    refuseUnless.methods('database', database, ['exec', 'prepare', 'close'], "() => new DatabaseSync('app.db') of node:sqlite")
  refuseUnless.options(options, "{ table: 'hapax_outbox' }")
  const { table = 'hapax_outbox', lockWaitMs = 2_000 } = options
  refuseUnlessTable(table, 'hapax_outbox')
  refuseUnless.wholeNumber('lockWaitMs', lockWaitMs, { good: 2_000 })

  const steps = openSteps(database, lockWaitMs)
  const { createTable } = outboxStatementsFor(table)
  const outbox: SqliteOutbox<SqliteHandle> = {
    ...openOutbox(openOutboxTable(table, steps, lockWaitMs)),
    createTable,
    async applySchema() {
      await steps.write(({ handle }) => void handle.exec(createTable))
    },
    close: async () => steps.close(),
    [Symbol.asyncDispose]: async () => steps.close(),
  }
  return outbox
}
