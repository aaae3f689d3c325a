import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { inbox } from 'hapax'
import { sqliteOutbox, sqliteStore } from 'hapax/stores/sqlite'
import type { Publisher } from 'hapax'
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

/** The program of its section on the outbox. */
export async function playOutbox(DatabaseSync: new (file: string) => Database, file: string, publisher: Publisher): Promise<void> {
  await using store = sqliteStore(() => new DatabaseSync(file))
  await store.applySchema()
  // #region outbox
  const outbox = sqliteOutbox(() => new DatabaseSync(file))
  await outbox.applySchema()

  const save = inbox(
    async (order: { readonly id: string; readonly cents: number }, { tx }) => {
      tx.prepare('insert into orders values (?, ?)').run(order.id, order.cents)
      await outbox.send(tx, { destination: 'order.saved', orderingKey: order.id, body: JSON.stringify(order) })
    },
    { store, scope: 'orders.save', key: (order) => order.id },
  )
  const relay = await outbox.relay(publisher)
  // #endregion
  const order = { id: 'order-1', cents: 500 }
  assert.equal((await save.once(order)).status, 'handled')
  assert.equal((await save.once(order)).status, 'duplicate')
  while ((await outbox.depth()).waiting > 0) await turn()
  // #region stop-outbox
  await relay.stop()
  await outbox.close()
  // #endregion
}
