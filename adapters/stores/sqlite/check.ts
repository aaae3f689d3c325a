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

/** Throws a `ConfigurationError` for an SQLite that is too old, and for a table that is missing or another's. */
export function checkSchema(connection: Connection, table: string, statements: Statements): void {
  const version = String(connection.all('select sqlite_version()')[0])
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw refuse('database', `SQLite ${version}`, `SQLite ${oldest.join('.')} or newer`, 'node:sqlite of Node 22, or better-sqlite3 8.4')

  const there = connection.all(statements.columns)
  if (there.length === 0)
    throw new ConfigurationError(
      'table',
      `table ${table} is missing; run applySchema() of the store once, or the statements that it has as createTable:\n${statements.createTable}`,
    )
  const missing = columns.filter((column) => !there.includes(column))
  if (missing.length > 0)
    throw new ConfigurationError(
      'table',
      `table ${table} is not what this store makes (missing, as name, type and place in the primary key: ${missing.join(', ')}); ` +
        `name another table, or make it by its createTable:\n${statements.createTable}`,
    )
}

/** Throws a `ConfigurationError` where nothing can be written. */
export function checkWritable(connection: Connection, statements: Statements): void {
  try {
    connection.handle.exec(statements.probe)
  } catch (error) {
    if (!isReadOnly(error)) throw error
    throw new ConfigurationError(
      'database',
      'database is read-only, where nothing can be claimed; open it for writing, and let this process write to its file and folder',
      { cause: error },
    )
  }
}
