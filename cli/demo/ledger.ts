/**
 * What happened, entry by entry, as the workers write it down: the only thing that the checker looks at. With an inbox what was charged is not written by
 * them, but read from the ledger table: rows that are committed.
 *
 * - `began`: the handler started on this payment
 * - `charged`: money moved
 * - `gave-up`: the bare handler has tried often enough, and goes on to the next message
 * - `settled`: the delivery is done with, in this worker's eyes
 */
export interface Entry {
  readonly worker: string
  readonly payment: string
  readonly what: 'began' | 'charged' | 'gave-up' | 'settled'
  readonly cents?: number | undefined
  /** What became of a delivery that is settled. */
  readonly outcome?: string | undefined
}

export type WriteEntry = (entry: Entry) => void
