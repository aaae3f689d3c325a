import { randomUUID } from 'node:crypto'
import { createPool } from 'mysql2/promise'
import { afterAll, beforeAll } from 'vitest'
import { mysqlStore } from 'hapax/stores/mysql'
import { mysqlUrl } from '../../services/places.js'
import { openCuttingProxy } from './cutting-proxy.js'
import type { Pool, PoolOptions, RowDataPacket } from 'mysql2/promise'
import type { Claim, Store } from 'hapax'
import type { CuttingProxy } from './cutting-proxy.js'

/** A table of records and one of the user's own rows, for one test file; they go with it. */
export interface Tables {
  readonly table: string
  readonly rows: string
  /** A pool beside those under test. */
  readonly pool: Pool
  /** Whether the user's row is there. */
  has(row: string): Promise<boolean>
  forget(record: string): Promise<void>
  /** The first column of the first row. */
  one(text: string, values?: unknown[]): Promise<unknown>
  isMariadb(): Promise<boolean>
  /** Makes a table like the store's own, and takes it away afterwards. */
  withTable(look: (name: string) => Promise<void>): Promise<void>
  /** A pool behind a proxy of its own. The store on it is the test's to make. */
  openPool(options?: PoolOptions, url?: string): Promise<{ readonly pool: Pool; readonly proxy: CuttingProxy; close(): Promise<void> }>
}

export function freshName(): string {
  return `hapax_test_${randomUUID().replaceAll('-', '').slice(0, 12)}`
}

export function makeTables(): Tables {
  const table = freshName()
  const rows = `${table}_rows`
  const pool = createPool(mysqlUrl)
  const one: Tables['one'] = async (text, values = []) => {
    const [[first]] = await pool.query<RowDataPacket[]>(text, values)
    return first && (Object.values(first)[0] as unknown)
  }
  beforeAll(async () => {
    await mysqlStore(pool, { table }).applySchema()
    await pool.query(`create table ${rows} (name varchar(64) primary key)`)
  })
  afterAll(async () => {
    await pool.query(`drop table if exists ${table}, ${table}_slots, ${rows}`)
    await pool.end()
  })
  return {
    table,
    rows,
    pool,
    one,
    has: async (row) => (await one(`select count(*) from ${rows} where name = ?`, [row])) === 1,
    forget: async (record) => void (await pool.query(`delete from ${table} where record = ?`, [Buffer.from(record)])),
    isMariadb: async () => /mariadb/i.test(String(await one('select version()'))),
    async withTable(look) {
      const name = freshName()
      await mysqlStore(pool, { table: name }).applySchema()
      try {
        await look(name)
      } finally {
        await pool.query(`drop table if exists ${name}, ${name}_slots`)
      }
    },
    async openPool(options = {}, at = mysqlUrl) {
      const url = new URL(at)
      const proxy = await openCuttingProxy({ host: url.hostname, port: Number(url.port || 3306) })
      url.port = String(proxy.port)
      const own = createPool({ uri: url.href, ...options })
      return {
        pool: own,
        proxy,
        async close() {
          await own.end().catch(() => undefined)
          proxy.close()
        },
      }
    },
  }
}

export const long = { leaseMs: 60_000, memoryMs: 600_000 }

export async function claimed(store: Store, record: string): Promise<Claim> {
  const result = await store.claim(record, { nonce: randomUUID(), ...long })
  if (result.status !== 'claimed') throw new Error(`${record} is ${result.status}`)
  return result.claim
}
