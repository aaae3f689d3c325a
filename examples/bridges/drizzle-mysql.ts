import { eq, sql } from 'drizzle-orm'
import { int, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle } from 'drizzle-orm/mysql2'
import { inbox } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import type { MySql2Database } from 'drizzle-orm/mysql2'
import type { Pool, PoolConnection } from 'mysql2/promise'
import type { Idempotent } from 'hapax'
import type { MysqlStore } from 'hapax/stores/mysql'
import type { Order } from './order.js'

const name = () => varchar({ length: 64 })
const orders = mysqlTable('orders', { id: name().primaryKey(), item: name().notNull(), quantity: int().notNull() })
const stock = mysqlTable('stock', { item: name().primaryKey(), pieces: int().notNull() })

export function drizzleOnMysql(pool: Pool): { store: MysqlStore<PoolConnection>; save: Idempotent<Order, void> } {
  // #region inbox
  // Without `transaction`: beginning and ending are the store's.
  const drizzleIn = (tx: PoolConnection): Omit<MySql2Database, 'transaction'> => drizzle(tx)

  const store = mysqlStore(pool)
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
