import { createPool } from 'mysql2/promise'
// By its default, which is all that pg has for modules before 8.15.
import pg from 'pg'
import { inbox } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import { postgresStore } from 'hapax/stores/postgres'
import type { Idempotent } from 'hapax'

export interface Words {
  readonly database: 'postgres' | 'mysql'
  readonly url: string
  readonly table: string
  readonly rows: string
  readonly key: string
  readonly claimsFirst: boolean
  /** The statement that is the last one, counted from 1, and when. */
  readonly lastStatement: number
  readonly when: 'before' | 'after'
}

export type Around = <Value>(send: () => Promise<Value>) => Promise<Value>

interface Opened {
  readonly save: Idempotent<string, void>
  close(): Promise<void>
}

const options = { scope: 'orders.save', key: (key: string) => key, leaseMs: 300 }

/** An inbox whose every statement, those of the handler included, goes through `around`. */
export function openPool({ database, url, table, rows }: Words, around: Around): Opened {
  return database === 'postgres' ? openPostgres(url, table, rows, around) : openMysql(url, table, rows, around)
}

/** Has what sends a statement go through `around`. */
function wrap<Client extends object>(client: Client, around: Around): Client {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const method = value as (...given: unknown[]) => unknown
      if (name === 'query' || name === 'execute')
        return (...given: unknown[]) => around(() => method.apply(target, given) as Promise<unknown>)
      if (name === 'connect' || name === 'getConnection')
        return async (...given: unknown[]) => wrap((await method.apply(target, given)) as object, around)
      return method.bind(target)
    },
  })
}

function openPostgres(connectionString: string, table: string, rows: string, around: Around): Opened {
  const pool = new pg.Pool({ connectionString })
  const save = inbox(
    async (key: string, { tx }) => {
      await tx.query(`insert into ${rows} values ($1)`, [key])
    },
    { ...options, store: postgresStore(wrap(pool, around), { table, idleLimitMs: 60_000 }) },
  )
  return { save, close: () => pool.end() }
}

function openMysql(url: string, table: string, rows: string, around: Around): Opened {
  const pool = createPool(url)
  const save = inbox(
    async (key: string, { tx }) => {
      await tx.query(`insert into ${rows} values (?)`, [key])
    },
    { ...options, store: mysqlStore(wrap(pool, around), { table }) },
  )
  return { save, close: () => pool.end() }
}
