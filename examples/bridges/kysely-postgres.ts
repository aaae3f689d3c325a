import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { inbox } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import type { Transaction } from 'kysely'
import type { Pool } from 'pg'
import type { Idempotent } from 'hapax'
import type { PostgresBridge, PostgresStore } from 'hapax/stores/postgres'
import type { Order } from './order.js'

interface Tables {
  readonly orders: Order
  readonly stock: { readonly item: string; readonly pieces: number }
}

export function kyselyOnPostgres(pool: Pool): { store: PostgresStore<Transaction<Tables>>; save: Idempotent<Order, void> } {
  // #region bridge
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  // Nobody listens to a connection that is in use: one that is cut would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))

  const bridge: PostgresBridge<Transaction<Tables>> = {
    query: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
    queryIn: (tx, text, values) => tx.executeQuery(CompiledQuery.raw(text, values)),
    transaction: (run) => db.transaction().execute(run),
  }
  // #endregion
  const store = postgresStore(bridge)
  // #region inbox
  const save = inbox(
    async (order: Order, { tx }) => {
      await tx.insertInto('orders').values(order).execute()
      const fewer = tx.updateTable('stock').set(({ eb }) => ({ pieces: eb('pieces', '-', order.quantity) }))
      await fewer.where('item', '=', order.item).execute()
    },
    { store, scope: 'orders.save', key: ({ id }) => id },
  )
  // #endregion
  return { store, save }
}
