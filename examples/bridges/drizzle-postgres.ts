import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { inbox } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Pool, PoolClient } from 'pg'
import type { Idempotent } from 'hapax'
import type { PostgresStore } from 'hapax/stores/postgres'
import type { Order } from './order.js'

const orders = pgTable('orders', { id: text().primaryKey(), item: text().notNull(), quantity: integer().notNull() })
const stock = pgTable('stock', { item: text().primaryKey(), pieces: integer().notNull() })

export function drizzleOnPostgres(pool: Pool): { store: PostgresStore<PoolClient>; save: Idempotent<Order, void> } {
  // #region inbox
  // Without `transaction`: beginning and ending are the store's.
  const drizzleIn = (tx: PoolClient): Omit<NodePgDatabase, 'transaction'> => drizzle(tx)

  const store = postgresStore(pool)
  const save = inbox(
    async (order: Order, { tx }) => {
      const db = drizzleIn(tx)
      await db.insert(orders).values(order)
      const fewer = db.update(stock).set({ pieces: sql`${stock.pieces} - ${order.quantity}` })
      await fewer.where(eq(stock.item, order.item))
    },
    { store, scope: 'orders.save', key: ({ id }) => id },
  )
  // #endregion
  return { store, save }
}
