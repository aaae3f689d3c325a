import { CompiledQuery, Kysely, MysqlDialect } from 'kysely'
import { inbox } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import type { Transaction } from 'kysely'
import type { Pool } from 'mysql2'
import type { Idempotent } from 'hapax'
import type { MysqlBridge, MysqlStore } from 'hapax/stores/mysql'
import type { Order } from './order.js'

interface Tables {
  readonly orders: Order
  readonly stock: { readonly item: string; readonly pieces: number }
}

export function kyselyOnMysql(pool: Pool): { store: MysqlStore<Transaction<Tables>>; save: Idempotent<Order, void> } {
  // #region bridge
  const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) })

  const bridge: MysqlBridge<Transaction<Tables>> = {
    query: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
    queryIn: (tx, text, values) => tx.executeQuery(CompiledQuery.raw(text, values)),
    transaction: (run) => db.transaction().execute(run),
  }
  // #endregion
  const store = mysqlStore(bridge)
  const save = inbox(
    async (order: Order, { tx }) => {
      await tx.insertInto('orders').values(order).execute()
      const fewer = tx.updateTable('stock').set(({ eb }) => ({ pieces: eb('pieces', '-', order.quantity) }))
      await fewer.where('item', '=', order.item).execute()
    },
    { store, scope: 'orders.save', key: ({ id }) => id },
  )
  return { store, save }
}
