import { TransactionConflictError, conflictWhere } from '../../../src/index.js'

/** What a result code is called in SQLite's documentation, by its number. */
const codes = { SQLITE_BUSY: 5, SQLITE_LOCKED: 6, SQLITE_READONLY: 8 } as const

/** Whether `error` is the client's word for one of these results: better-sqlite3 gives the name as `code`, `node:sqlite` the number as `errcode`. */
function means(error: unknown, name: keyof typeof codes): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  if (typeof errcode === 'number') return (errcode & 0xff) === codes[name]
  return typeof code === 'string' && (code === name || code.startsWith(`${name}_`))
}

/** Another connection holds a lock that is needed. */
export function isLocked(error: unknown): boolean {
  return means(error, 'SQLITE_BUSY') || means(error, 'SQLITE_LOCKED')
}

/** The transaction has read what has changed since; it can never write, however long it waits. */
export function isStale(error: unknown): boolean {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  return code === 'SQLITE_BUSY_SNAPSHOT' || errcode === 517
}

export function isReadOnly(error: unknown): boolean {
  return means(error, 'SQLITE_READONLY')
}

export function conflict(message: string, cause?: unknown): TransactionConflictError {
  return new TransactionConflictError(message, cause === undefined ? undefined : { cause })
}

/** What is thrown on of what a transaction failed with: a lock anywhere in its causes makes it a conflict. */
export const orConflict: (error: unknown) => unknown = conflictWhere((error) => {
  const seen = new Set<unknown>()
  for (let each = error; typeof each === 'object' && each !== null && !seen.has(each); each = (each as { cause?: unknown }).cause) {
    if (isLocked(each)) return true
    seen.add(each)
  }
  return false
}, 'Another connection writes to this SQLite database; run the transaction again')
