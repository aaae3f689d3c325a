import { refuse } from '../../../src/index.js'
import { conflict, isLocked } from './faults.js'
import { closeQuietly, connectionOn, openOwn } from './handle.js'
import { openJoining } from './joining.js'
import { lineOf } from './line.js'
import { patiently } from './patience.js'
import type { Connection, SqliteHandle } from './handle.js'
import type { Turns, WriteRecord } from './joining.js'
import type { Line } from './line.js'

/** Where the steps go that are no part of a transaction. */
export interface Steps {
  /** The line of the file; opens the database where it is not open yet. Throws a `ConfigurationError` for one that each connection has for itself. */
  line(): Line
  /** Does what only reads; it waits for nobody who writes. */
  read<Value>(act: (connection: Connection) => Value): Promise<Value>
  /** Writes in turn. */
  write<Value>(act: (connection: Connection) => Value): Promise<Value>
  /** Writes one record in turn, in one transaction with others that are asked for in the same turn of the event loop. */
  readonly writeRecord: WriteRecord
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

  const turns: Turns = {
    line,
    async take(heard) {
      const turn = await line().take(lockWaitMs, heard)
      if (turn === 'late') throw tooLate(lockWaitMs)
      return turn === 'mine'
    },
    async use(what) {
      try {
        return await patiently(lockWaitMs, () => act(what))
      } finally {
        line().give()
      }
    },
  }

  return {
    line,
    read: (what) => patiently(lockWaitMs, () => act(what)),
    async write(what) {
      await turns.take()
      return turns.use(what)
    },
    writeRecord: openJoining(turns),
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
