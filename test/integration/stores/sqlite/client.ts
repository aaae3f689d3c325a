import { createRequire } from 'node:module'
import type { SqliteHandle } from 'hapax/stores/sqlite'

/** How the client under test opens a file. */
export interface Client {
  open(file: string, how?: { readonly readOnly?: boolean }): SqliteHandle
  /** One that the user has set to give integers as BigInt. */
  openForBigInts(file: string): SqliteHandle
}

type Constructor = new (file: string, options?: object) => SqliteHandle & { defaultSafeIntegers?(): void }

/** `node:sqlite`, or the folder of a better-sqlite3: whatever the running Node can load. */
export function loadClient(specifier: string): Client {
  const loaded: unknown = createRequire(import.meta.url)(specifier)
  const better = typeof loaded === 'function'
  const Database = (better ? loaded : (loaded as { DatabaseSync: unknown }).DatabaseSync) as Constructor
  return {
    open: (file, { readOnly = false } = {}) => new Database(file, better ? { readonly: readOnly } : { readOnly }),
    openForBigInts(file) {
      const handle = new Database(file, better ? {} : { readBigInts: true })
      handle.defaultSafeIntegers?.()
      return handle
    },
  }
}
