/** The transactions that a kind of store has handed out as `tx`. */
export interface HandedOut {
  /** Remembers `tx` as open until what this answers is called, and from then on as over. What is no object cannot be remembered. */
  add(tx: unknown): () => void
  /** Whether `tx` was handed out and is open; `false` says that it is somebody else's. Throws when it was and is over. */
  has(tx: unknown): boolean
}

/** For all stores of one kind, as one of them may use a transaction of another. What nobody holds any more is forgotten. */
export function openHandedOut(): HandedOut {
  const states = new WeakMap<object, { over: boolean }>()
  return {
    add(tx) {
      const state = { over: false }
      if (isObject(tx)) states.set(tx, state)
      return () => void (state.over = true)
    },
    has(tx) {
      const state = isObject(tx) ? states.get(tx) : undefined
      if (state?.over) throw new Error('This transaction is over: nothing that is done in it now would be part of it')
      return state !== undefined
    },
  }
}

/**
 * Throws for what says of itself that it is in no transaction, so that a statement would commit by itself: connections of SQLite (`isTransaction`,
 * `inTransaction`) and the `Kysely` that transactions are begun on.
 */
export function refuseIdle(tx: unknown): void {
  if (!isObject(tx)) return
  const { isTransaction, inTransaction } = tx as { readonly isTransaction?: unknown; readonly inTransaction?: unknown }
  if (isTransaction === false || inTransaction === false) throw notInTransaction()
}

/** What a statement is refused with that would commit by itself, although it is to be part of a transaction. */
export function notInTransaction(): Error {
  return new Error('No transaction is open on what was handed in as tx, and the statement would commit by itself. Begin one first')
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
