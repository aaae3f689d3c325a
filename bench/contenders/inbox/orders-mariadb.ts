import type { Pool, PoolConnection } from 'mysql2/promise'
import type { Given } from '../../contract.js'

export async function makeOrders({ name }: Given, pool: Pool): Promise<void> {
  await pool.query(`create table ${name}_orders (id varchar(255) primary key, placed_at datetime(3) not null) engine = InnoDB`)
}

/** What the business does. */
export async function insertOrder({ name }: Given, tx: PoolConnection, id: string): Promise<void> {
  await tx.execute(`insert into ${name}_orders values (?, utc_timestamp(3))`, [id])
}
