import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { postgresStore } from 'hapax/stores/postgres'
import { postgresUrl } from '../../services/places.js'
import { openCuttingProxy } from './cutting-proxy.js'
import type { Claim, Store } from 'hapax'
import type { PoolConfig } from 'pg'
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
  /** A pool behind a proxy of its own. The store on it is the test's to make. */
  openPool(config?: PoolConfig, url?: string): Promise<{ readonly pool: Pool; readonly proxy: CuttingProxy; close(): Promise<void> }>
}

export function makeTables(): Tables {
  const table = `hapax_test_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const rows = `${table}_rows`
  const pool = new Pool({ connectionString: postgresUrl })
  beforeAll(async () => {
    await postgresStore(pool, { table }).applySchema()
    await pool.query(`create table ${rows} (name text primary key deferrable initially deferred)`)
  })
  afterAll(async () => {
    await pool.query(`drop table ${table}, ${rows}`)
    await pool.end()
  })
  return {
    table,
    rows,
    pool,
    has: async (row) => (await pool.query(`select from ${rows} where name = $1`, [row])).rowCount === 1,
    forget: async (record) => void (await pool.query(`delete from ${table} where record = $1`, [Buffer.from(record)])),
    async openPool(config = {}, at = postgresUrl) {
      const url = new URL(at)
      const proxy = await openCuttingProxy({ host: url.hostname, port: Number(url.port || 5432) })
      url.port = String(proxy.port)
      const own = new Pool({ connectionString: url.href, ...config })
      own.on('error', () => undefined)
      return {
        pool: own,
        proxy,
        async close() {
          await own.end()
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
