import { refuse, refuseUnless } from '../../../src/index.js'
import { cannotPrepare } from './faults.js'

/** What a parameter of a statement may be: every client can send these. The bytes are a `Buffer`. */
export type MysqlValue = number | Uint8Array

/** What bridges answer with: rows, alone or as a part of something. */
export type MysqlRows = readonly unknown[] | { readonly rows: readonly unknown[] }

/** The part of a `PoolConnection` of mysql2 that this store needs. */
export interface MysqlConnection {
  query(text: string, values?: MysqlValue[] | null): Promise<readonly unknown[]>
  /** Like `query`, and prepares the statement; not needed, but faster on MariaDB. */
  execute?(text: string, values?: MysqlValue[]): Promise<readonly unknown[]>
  release(): void
  destroy(): void
}

/** The part of a `Pool` of mysql2/promise that this store needs. */
export interface MysqlPool {
  query(text: string, values?: MysqlValue[] | null): Promise<readonly unknown[]>
  /** Like `query`, and prepares the statement on its connection; not needed, but faster on MariaDB. */
  execute?(text: string, values?: MysqlValue[]): Promise<readonly unknown[]>
  getConnection(): Promise<MysqlConnection>
}

/** Joins the store to transactions that belong to a query builder or an ORM. Statements have their parameters as `?`. */
export interface MysqlBridge<Tx> {
  /** Runs one statement by itself, on a connection that is in no transaction, and answers its rows; none where it has none. */
  query(text: string, values: MysqlValue[]): Promise<MysqlRows>
  /** Runs one statement in the transaction. */
  queryIn(tx: Tx, text: string, values: MysqlValue[]): Promise<MysqlRows>
  /** Begins a transaction on a connection of its own, commits when `run` resolves, and rolls back when it rejects. */
  transaction<Value>(run: (tx: Tx) => Promise<Value>): Promise<Value>
}

/** What a store can be made of. */
export type MysqlDatabase = MysqlPool | MysqlBridge<unknown>

/** What a handler gets as `tx` from a store that is made of `Database`. */
export type MysqlTransaction<Database> =
  Database extends MysqlBridge<infer Tx> ? Tx : Database extends { getConnection(): Promise<infer Connection> } ? Connection : never

/** Sends one statement and answers its rows. */
export type Send = (text: string, values?: readonly MysqlValue[]) => Promise<readonly unknown[]>

/** Throws a `ConfigurationError` for what is none of these, whatever it looks like at first. */
export function refuseUnlessDatabase(database: MysqlDatabase): void {
  const good = "createPool('mysql://localhost/orders') of mysql2/promise"
  refuseUnless.methods('database', database, ['query'], good)
  if (isBridge(database)) return refuseUnless.methods('database', database, ['query', 'queryIn', 'transaction'], good)
  refuseUnless.methods('database', database, ['query', 'getConnection'], good)
  if ('promise' in database) throw refuse('database', database, 'a pool of mysql2/promise', 'pool.promise()')
}

export function isBridge(database: MysqlDatabase): database is MysqlBridge<unknown> {
  return 'transaction' in database && 'queryIn' in database
}

/** Ways to send a statement: any, and one whose text comes again and again. */
export interface Ways {
  readonly send: Send
  readonly sendPrepared: Send
}

/** Has statements prepared for as long as the server takes that: it then reads each of them once for each connection. */
export function openPreparing(): (client: Pick<MysqlPool, 'query' | 'execute'>) => Ways {
  let prepares = true
  return (client) => {
    const send = sendThrough(client)
    return {
      send,
      async sendPrepared(text, values = []) {
        if (!prepares || !client.execute) return send(text, values)
        try {
          return rowsIn(await client.execute(text, [...values]))
        } catch (error) {
          if (!cannotPrepare(error)) throw error
          prepares = false
          return send(text, values)
        }
      },
    }
  }
}

export function sendThrough(client: Pick<MysqlConnection, 'query'>): Send {
  const none = looksForNames(client) ? [] : null
  return async (text, values) => rowsIn(await client.query(text, values ? [...values] : none))
}

/**
 * Whether mysql2 would look for named parameters where it is given no list at all. Where it surely would not, it is given none: it reads all of
 * a long text to fill in an empty list, which is a third of what a statement for many records costs this process.
 */
function looksForNames(client: object): boolean {
  const { pool } = client as { readonly pool?: { readonly config?: { readonly connectionConfig?: Naming } } | null }
  const naming = pool?.config?.connectionConfig
  return naming === undefined || Boolean(naming.namedPlaceholders) || naming.queryFormat !== undefined
}

/** What decides how mysql2 fills in a text. */
interface Naming {
  readonly namedPlaceholders?: unknown
  readonly queryFormat?: unknown
}

/** mysql2 answers with rows, or with the header of a statement that has none, beside a description of the columns. */
function rowsIn([rows]: readonly unknown[]): readonly unknown[] {
  return Array.isArray(rows) ? (rows as readonly unknown[]) : []
}

/** Bridges answer in their own way. */
export function rowsOf(answer: MysqlRows): readonly unknown[] {
  return 'rows' in answer ? answer.rows : answer
}

/** Every statement of ours that answers has one column, a text: there is nothing in it for a client, its options or its type casts to change. */
export function textsOf(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => {
    const text = leafOf(row)
    if (text === undefined) throw new Error(`The database client gave a row that cannot be read: ${JSON.stringify(row)}`)
    return text
  })
}

/** Rows may come as objects, as arrays or nested by table, and texts as bytes. */
function leafOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (typeof value !== 'object' || value === null) return undefined
  return leafOf(Object.values(value)[0])
}
