import { Client, Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { postgresStore } from 'hapax/stores/postgres'
import { postgresUrl } from '../../services/places.js'
import { behindProxy, freshName } from './table.js'
import type { PoolConfig } from 'pg'
import type { Tables } from './table.js'

export { claimed, long } from './table.js'

/** Whether this pg tells if a transaction is open on a client: from 8.21 on. Without that, the store cannot refuse one on which none is. */
export const tellsTransactions: boolean = 'getTransactionStatus' in Client.prototype

/** Like what pg throws when the server gave up a transaction. Its class cannot be had by its name before pg 8.7. */
export const conflict = (): Error => Object.assign(new Error('could not serialize access'), { severity: 'ERROR', code: '40001' })

/** Makes a table large: claims read first from then on. */
export async function fill(pool: Pool, table: string): Promise<void> {
  await pool.query(
    `insert into ${table} (token, until_ms, over_ms, memory_ms, attempts, lapses, state, record, nonce)
     select 1, 2 ^ 50, 2 ^ 50, 0, 0, 0, 1, convert_to('filler-' || n, 'UTF8'), '' from generate_series(1, 20000) as n`,
  )
}

export function makeTables(): Tables<Pool, PoolConfig> {
  const table = freshName()
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
    openPool: (config = {}, url = postgresUrl) =>
      behindProxy(url, 5432, (connectionString) => {
        const own = new Pool({ connectionString, ...config })
        own.on('error', () => undefined)
        return own
      }),
  }
}
