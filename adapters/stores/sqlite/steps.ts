import { refuse } from '../../../src/index.js'
import { conflict, isLocked } from './faults.js'
import { closeQuietly, connectionOn, openOwn } from './handle.js'
import { lineOf } from './line.js'
import { patiently } from './patience.js'
import type { Connection, SqliteHandle } from './handle.js'
import type { Line } from './line.js'

/** Where the steps go that are no part of a transaction. */
export interface Steps {
  /** The line of the file; opens the database where it is not open yet. Throws a `ConfigurationError` for one that each connection has for itself. */
  line(): Line
  /** Does what only reads; it waits for nobody who writes. */
  read<Value>(act: (connection: Connection) => Value): Promise<Value>
  /** Writes in turn. `undefined` when an open transaction of this process has claimed the record: nobody waits for that one. */
  write<Value>(record: string | undefined, act: (connection: Connection) => Value): Promise<Value | undefined>
  /** Whether that is the connection which the steps use. */
  uses(handle: SqliteHandle): boolean
  close(): void
}

/** Two connections on one file are told by its name; a database in memory has none. */
const whichFile = "select file from pragma_database_list where name = 'main'"

export function openSteps(database: SqliteHandle | (() => SqliteHandle), lockWaitMs: number): Steps {
  let connection: Connection | undefined
  let lineHere: Line | undefined
  let closed = false

  const disconnect = (): void => {
    if (connection && typeof database === 'function') closeQuietly(connection.handle)
    connection = undefined
  }
  const connect = (): Connection => {
    if (closed) throw wasClosed()
    connection ??= typeof database === 'function' ? openOwn(database) : connectionOn(database)
    const { isTransaction, inTransaction } = connection.handle
    if (!isTransaction && !inTransaction) return connection
    throw new Error('A transaction is open on this database, and would take the step with it; hand in one of its own')
  }
  /** A connection of ours that has failed is not used again: the next step looks at the file anew. */
  const act = <Value>(what: (connection: Connection) => Value): Value => {
    try {
      return what(connect())
    } catch (error) {
      if (!isLocked(error)) disconnect()
      throw error
    }
  }
  const line = (): Line => {
    if (closed) throw wasClosed()
    return (lineHere ??= act(({ all }) => {
      const file = all(whichFile)[0]
      if (typeof file === 'string' && file !== '') return lineOf(file)
      if (typeof database === 'function')
        throw refuse('database', 'one in memory, of which each connection has its own', 'in a file', "() => new DatabaseSync('app.db')")
      return lineOf(undefined)
    }))
  }

  return {
    line,
    read: (what) => patiently(lockWaitMs, () => act(what)),
    async write(record, what) {
      const turns = line()
      const turn = await turns.take(record, lockWaitMs)
      if (turn === 'held') return undefined
      if (turn === 'late') throw tooLate(lockWaitMs)
      try {
        return await patiently(lockWaitMs, () => act(what))
      } finally {
        turns.give()
      }
    },
    uses: (handle) => connection?.handle === handle,
    close() {
      closed = true
      disconnect()
    },
  }
}

function wasClosed(): Error {
  return new Error('It was closed, and its database with it')
}

export function tooLate(lockWaitMs: number): Error {
  return conflict(`Other transactions of this process have been writing for ${lockWaitMs} ms (option lockWaitMs); try again`)
}
