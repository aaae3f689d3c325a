import { Pool } from 'pg'
import { postgresStore } from 'hapax/stores/postgres'
import { setting } from '../../contract.js'
import type { PoolClient } from 'pg'
import type { PostgresStore } from 'hapax/stores/postgres'
import type { Given } from '../../contract.js'

/** The same for all: ten connections, as is the default of pg, and durability as the server has it. */
export function openPool({ settings }: Given): Pool {
  const pool = new Pool({ connectionString: setting(settings, 'postgres'), max: 10 })
  pool.on('error', () => undefined)
  return pool
}

export interface Opened {
  readonly pool: Pool
  readonly store: PostgresStore<PoolClient>
  close(): Promise<unknown>
}

export async function openStore(given: Given): Promise<Opened> {
  const pool = openPool(given)
  const store = postgresStore(pool, { table: given.name })
  await store.applySchema()
  return { pool, store, close: () => pool.end() }
}
