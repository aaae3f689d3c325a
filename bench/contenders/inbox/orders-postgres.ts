import type { Pool, PoolClient } from 'pg'
import type { Given } from '../../contract.js'

export async function makeOrders({ name }: Given, pool: Pool): Promise<void> {
  await pool.query(`create table ${name}_orders (id text primary key, placed_at timestamptz not null)`)
}

/** What the business does. */
export async function insertOrder({ name }: Given, tx: PoolClient, id: string): Promise<void> {
  await tx.query({ name: 'order', text: `insert into ${name}_orders values ($1, now())`, values: [id] })
}
