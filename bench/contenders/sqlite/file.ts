import { createRequire } from 'node:module'
import { sqliteStore } from 'hapax/stores/sqlite'
import { setting } from '../../contract.js'
import type { Store } from 'hapax'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Given } from '../../contract.js'

/** With a write-ahead log, and as durable as the scenario says. */
export function openFile({ settings }: Given): SqliteHandle {
  // Not an import: the Node that puts this together may have no `node:sqlite`.
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as { DatabaseSync: new (file: string) => SqliteHandle }
  const database = new DatabaseSync(setting(settings, 'sqlite'))
  database.exec('pragma journal_mode = wal')
  database.exec(`pragma synchronous = ${setting(settings, 'synchronous')}`)
  return database
}

export async function openStore(given: Given): Promise<{ readonly store: Store; close(): Promise<unknown> }> {
  const store = sqliteStore(() => openFile(given))
  await store.applySchema()
  return { store, close: () => store.close() }
}
