import { createPool } from 'mysql2/promise'
import { mysqlStore } from 'hapax/stores/mysql'
import { setting } from '../../contract.js'
import type { Pool, PoolConnection } from 'mysql2/promise'
import type { MysqlStore } from 'hapax/stores/mysql'
import type { Given } from '../../contract.js'

/** The same for all: ten connections, as is the default of mysql2, and durability as the server has it. */
export function openPool({ settings }: Given): Pool {
  return createPool({ uri: setting(settings, 'mariadb'), connectionLimit: 10 })
}

export interface Opened {
  readonly pool: Pool
  readonly store: MysqlStore<PoolConnection>
  close(): Promise<unknown>
}

export async function openStore(given: Given): Promise<Opened> {
  const pool = openPool(given)
  const store = mysqlStore(pool, { table: given.name })
  await store.applySchema()
  return { pool, store, close: () => pool.end() }
}
