import { randomUUID } from 'node:crypto'

/** The only source of chance in the core and the adapters, so that one seed can replay one history. */
export interface Random {
  /** A number from 0 up to, but not including, 1. */
  fraction(): number
  /** A text that nobody else gets: names one claim of one caller. Letters, digits and dashes. */
  nonce(): string
}

/** Chance as this machine gives it. */
export const systemRandom: Random = { fraction: () => Math.random(), nonce: () => randomUUID() }
