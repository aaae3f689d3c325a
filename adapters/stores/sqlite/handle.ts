import { refuseUnless } from '../../../src/index.js'

/** The part of an open database that this store needs: a `DatabaseSync` of `node:sqlite`, or a `Database` of better-sqlite3. */
export interface SqliteHandle {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
  /** Whether a transaction is open, as `node:sqlite` calls it (from Node 22.16). */
  readonly isTransaction?: boolean
  /** The same, as better-sqlite3 calls it. */
  readonly inTransaction?: boolean
}

export interface SqliteStatement {
  all(...values: SqliteValue[]): unknown[]
}

export type SqliteValue = string | number | Uint8Array

/** One connection, with the statements that were prepared on it. */
export interface Connection {
  readonly handle: SqliteHandle
  /** Runs a statement to its end, and answers with the first value of each row. */
  readonly all: (sql: string, ...values: readonly SqliteValue[]) => readonly unknown[]
}

export function connectionOn(handle: SqliteHandle): Connection {
  const prepared = new Map<string, SqliteStatement>()
  return {
    handle,
    all(sql, ...values) {
      let statement = prepared.get(sql)
      if (!statement) prepared.set(sql, (statement = handle.prepare(sql)))
      // Never `get`: both clients stop it at the first row, and then a commit that fails is not heard of.
      return statement.all(...values).map((row) => Object.values(row as object)[0] as unknown)
    },
  }
}

/** Several statements as one step. Nothing comes in between: they are done in one go. Nothing is kept of them when it throws, unless the commit did. */
export function atOnce<Value>({ handle }: Connection, begin: 'begin' | 'begin immediate', act: () => Value): Value {
  handle.exec(begin)
  try {
    const value = act()
    handle.exec('commit')
    return value
  } catch (error) {
    try {
      handle.exec('rollback')
    } catch {
      // SQLite has rolled back by itself.
    }
    throw error
  }
}

/** How long one try may stop the process for a lock, in milliseconds: no longer than others take for a short write. */
const stopsForMs = 5

/** A connection that is ours alone. */
export function openOwn(open: () => SqliteHandle): Connection {
  const handle = open()
  refuseUnless.methods('database', handle, ['exec', 'prepare', 'close'], "() => new DatabaseSync('app.db') of node:sqlite")
  try {
    handle.exec(`pragma busy_timeout = ${stopsForMs}`)
    return connectionOn(handle)
  } catch (error) {
    closeQuietly(handle)
    throw error
  }
}

/** Does `act` on a connection of the user's with no more patience than on one of ours, and leaves the connection as it was. */
export function shortly<Value>({ handle, all }: Connection, act: () => Value): Value {
  const [before] = all('pragma busy_timeout')
  handle.exec(`pragma busy_timeout = ${stopsForMs}`)
  try {
    return act()
  } finally {
    handle.exec(`pragma busy_timeout = ${Number(before)}`)
  }
}

/** Closes what was opened here. What cannot be closed, as a statement of the user's still runs, ends with its process. */
export function closeQuietly(handle: SqliteHandle): void {
  try {
    handle.close()
  } catch {
    // There is nobody to tell: the answer was given.
  }
}
