import { ConfigurationError, refuse } from '../../../src/index.js'
import { isReadOnly } from './faults.js'
import type { Connection } from './handle.js'
import type { Statements } from './statements.js'

const oldest = [3, 42] as const

const columns = [
  'record blob 1',
  'state integer 0',
  'token integer 0',
  'nonce text 0',
  'attempts integer 0',
  'lapses integer 0',
  'until_ms integer 0',
  'over_ms integer 0',
  'memory_ms integer 0',
]

/** A table as it has to be. */
export interface Wanted {
  readonly table: string
  /** Answers what there is of it: name, type and place in the primary key of each column, and what else counts. */
  readonly look: string
  readonly parts: readonly string[]
  readonly createTable: string
}

/** Throws a `ConfigurationError` for an SQLite that is too old, and for a table that is missing or another's. */
export function checkSchema(connection: Connection, table: string, statements: Statements): void {
  checkVersion(connection)
  checkTable(connection, { table, look: statements.columns, parts: columns, createTable: statements.createTable })
}

export function checkVersion(connection: Connection): void {
  const version = String(connection.all('select sqlite_version()')[0])
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw refuse('database', `SQLite ${version}`, `SQLite ${oldest.join('.')} or newer`, 'node:sqlite of Node 22, or better-sqlite3 8.4')
}

export function checkTable(connection: Connection, { table, look, parts, createTable }: Wanted): void {
  const there = connection.all(look)
  if (there.length === 0)
    throw new ConfigurationError(
      'table',
      `table ${table} is missing; run applySchema() once, or the statements that are there as createTable:\n${createTable}`,
    )
  const missing = parts.filter((part) => !there.includes(part))
  if (missing.length > 0)
    throw new ConfigurationError(
      'table',
      `table ${table} is not what is made here (missing, as name, type and place in the primary key: ${missing.join(', ')}); ` +
        `name another table, or make it by its createTable:\n${createTable}`,
    )
}

/** Throws a `ConfigurationError` where nothing can be written. */
export function checkWritable(connection: Connection, { probe }: Pick<Statements, 'probe'>): void {
  try {
    connection.handle.exec(probe)
  } catch (error) {
    if (!isReadOnly(error)) throw error
    throw new ConfigurationError(
      'database',
      'database is read-only, and has to be written to; open it for writing, and let this process write to its file and folder',
      { cause: error },
    )
  }
}
