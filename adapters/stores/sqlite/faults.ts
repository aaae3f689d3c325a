import { TransactionConflictError, conflictWhere } from '../../../src/index.js'

/** What a result code is called in SQLite's documentation, by its number. */
const codes = {
  SQLITE_ERROR: 1,
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_READONLY: 8,
  SQLITE_TOOBIG: 18,
  SQLITE_CONSTRAINT: 19,
  SQLITE_MISMATCH: 20,
  SQLITE_RANGE: 25,
} as const

/** What a statement may fail with because of its own values; the others, a full disk say, are everybody's. */
const ofValues = ['SQLITE_ERROR', 'SQLITE_TOOBIG', 'SQLITE_CONSTRAINT', 'SQLITE_MISMATCH', 'SQLITE_RANGE'] as const

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

/** Whether another statement in its place might do: its values were refused, by SQLite or already by the client. */
export function isOfValues(error: unknown): boolean {
  if (ofValues.some((name) => means(error, name))) return true
  const { code, errcode } = Object(error) as { readonly code?: unknown; readonly errcode?: unknown }
  return typeof errcode !== 'number' && !(typeof code === 'string' && code.startsWith('SQLITE_'))
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
