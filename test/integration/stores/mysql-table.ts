import { createPool } from 'mysql2/promise'
import { afterAll, beforeAll } from 'vitest'
import { mysqlStore } from 'hapax/stores/mysql'
import { mysqlUrl } from '../../services/places.js'
import { behindProxy, freshName } from './table.js'
import type { Pool, PoolOptions, RowDataPacket } from 'mysql2/promise'
import type { Tables } from './table.js'

export { claimed, freshName, long } from './table.js'

export interface MysqlTables extends Tables<Pool, PoolOptions> {
  /** The first column of the first row. */
  one(text: string, values?: unknown[]): Promise<unknown>
  isMariadb(): Promise<boolean>
  /** Makes a table like the store's own, and takes it away afterwards. */
  withTable(look: (name: string) => Promise<void>): Promise<void>
}

export function makeTables(): MysqlTables {
  const table = freshName()
  const rows = `${table}_rows`
  const pool = createPool(mysqlUrl)
  const one: MysqlTables['one'] = async (text, values = []) => {
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
    openPool: (options = {}, url = mysqlUrl) => behindProxy(url, 3306, (uri) => createPool({ uri, ...options })),
  }
}
