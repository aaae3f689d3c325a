import { refuseUnless } from '../../../src/index.js'

/** What a parameter of a statement may be: every client can send these. */
export type PostgresValue = string | number

/** What clients answer with: rows, alone or as a part of something. */
export type PostgresRows = readonly unknown[] | { readonly rows: readonly unknown[] }

/** A statement as node-postgres takes it; one with a name is prepared once for each connection. */
export interface PostgresStatement {
  readonly name?: string
  readonly text: string
  readonly values?: PostgresValue[]
}

/** The part of a `pg.PoolClient` that this store needs. */
export interface PostgresClient {
  query(statement: PostgresStatement): Promise<{ readonly rows: readonly unknown[]; readonly command: string }>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  release(destroy?: boolean): void
  getTransactionStatus?(): string | null
}

/** The part of a `pg.Pool` that this store needs. */
export interface PostgresPool {
  query(statement: PostgresStatement): Promise<{ readonly rows: readonly unknown[] }>
  connect(): Promise<PostgresClient>
  /** Tells a pool from a single connection. */
  readonly totalCount: number
  readonly options?: { readonly max?: number | undefined } | undefined
}

/** Joins the store to transactions that belong to a query builder or an ORM. Statements have their parameters as `$1`, `$2` and so on. */
export interface PostgresBridge<Tx> {
  /** Runs one statement by itself: on a connection that is in no transaction. */
  query(text: string, values: PostgresValue[]): Promise<PostgresRows>
  /** Runs one statement in the transaction. */
  queryIn(tx: Tx, text: string, values: PostgresValue[]): Promise<PostgresRows>
  /** Begins a transaction on a connection of its own, commits when `run` resolves, and rolls back when it rejects. */
  transaction<Value>(run: (tx: Tx) => Promise<Value>): Promise<Value>
}

/** Anything that runs a statement by itself, for claims by lease alone: PGlite, a single `pg.Client`, an HTTP driver. */
export interface PostgresQueries {
  query(text: string, values: PostgresValue[]): Promise<PostgresRows>
}

/** What a store can be made of. */
export type PostgresDatabase = PostgresPool | PostgresBridge<unknown> | PostgresQueries

/** What a handler gets as `tx` from a store that is made of `Database`; never, if it has no transactions. */
export type PostgresTransaction<Database> = Database extends { queryIn(tx: infer Tx, text: string, values: PostgresValue[]): unknown }
  ? Tx
  : Database extends { readonly totalCount: number }
    ? ClientOf<Database>
    : never

/** `connect` of node-postgres can also be called with a callback, which would hide what it resolves to. */
type ClientOf<Pool> = Pool extends { connect: { (): Promise<infer Client>; (callback: never): void } }
  ? Client
  : Pool extends { connect(): Promise<infer Client> }
    ? Client
    : never

/** Throws a `ConfigurationError` for what is none of these, whatever it looks like at first. */
export function refuseUnlessDatabase(database: PostgresDatabase): void {
  const good = "new Pool({ connectionString: 'postgres://localhost/orders' }) of pg"
  refuseUnless.methods('database', database, ['query'], good)
  if (isBridge(database)) refuseUnless.methods('database', database, ['query', 'queryIn', 'transaction'], good)
  else if (isPool(database)) refuseUnless.methods('database', database, ['query', 'connect'], good)
}

export function isBridge(database: PostgresDatabase): database is PostgresBridge<unknown> {
  return 'transaction' in database && 'queryIn' in database
}

export function isPool(database: PostgresDatabase): database is PostgresPool {
  return 'connect' in database && 'totalCount' in database
}

/** Every statement of ours answers one row with one text, `answer`: there is nothing in it for a client or its type parsers to change. */
export function answerOf(result: PostgresRows): string {
  const rows = 'rows' in result ? result.rows : result
  const [row] = rows
  if (rows.length === 1 && typeof row === 'object' && row !== null && 'answer' in row && typeof row.answer === 'string') return row.answer
  throw new Error(`PostgreSQL gave an answer that a statement of Hapax never gives: ${JSON.stringify(rows)}`)
}
