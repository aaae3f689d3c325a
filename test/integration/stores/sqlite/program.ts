import assert from 'node:assert/strict'
import { inbox } from 'hapax'
import { sqliteStore } from 'hapax/stores/sqlite'
import type { SqliteHandle, SqliteStatement } from 'hapax/stores/sqlite'

interface Statement extends SqliteStatement {
  run(...values: (string | number)[]): unknown
}

export interface Database extends SqliteHandle {
  prepare(sql: string): Statement
}

/** The program of docs/sqlite.md, on a file that has a table of orders. */
export async function play(DatabaseSync: new (file: string) => Database, file: string): Promise<void> {
  // #region store
  const store = sqliteStore(() => new DatabaseSync(file))
  await store.applySchema()

  const save = inbox(
    async (order: { readonly id: string; readonly cents: number }, { tx }) => {
      tx.prepare('insert into orders values (?, ?)').run(order.id, order.cents)
    },
    { store, scope: 'orders.save', key: (order) => order.id },
  )
  // #endregion
  const order = { id: 'order-1', cents: 500 }
  assert.equal((await save.once(order)).status, 'handled')
  assert.equal((await save.once(order)).status, 'duplicate')
  // #region close
  await store.close()
  // #endregion
}
