import type { Entry, WriteEntry } from './ledger.js'

/** What a play of the scenario gets from the demo. */
export interface Stage {
  readonly write: WriteEntry
  readonly entries: () => readonly Entry[]
  /** Aborts when whoever watches has had enough. */
  readonly signal: AbortSignal
  /** What is being done before or after the payments. */
  readonly doing: (what: string) => void
  /** Something to tell whoever watches. */
  readonly happening: (what: string) => void
  /** Shows what there is to see, and lets `ms` milliseconds of the audience's time pass. Rejects once the signal is aborted. */
  readonly pace: (ms: number) => Promise<void>
}

/** What is left when it is over: the checker's input. */
export interface Played {
  readonly entries: readonly Entry[]
  readonly deadLetters: readonly string[]
  readonly killed: string
  readonly inbox: boolean
}
