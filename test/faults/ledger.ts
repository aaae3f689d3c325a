/** One line of the ledger that all workers append to. Plain data: the judge knows nothing else. */
export interface Line {
  /** Milliseconds since 1970; the workers are on one machine. */
  readonly at: number
  readonly worker: string
  readonly payment: string
  readonly what: 'began' | 'charged' | 'settled'
  readonly outcome?: string
}
