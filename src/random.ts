import { randomBytes } from 'node:crypto'

/** The only source of chance in the core and the adapters, so that one seed can replay one history. */
export interface Random {
  /** A number from 0 up to, but not including, 1. */
  fraction(): number
  /** A text that nobody else gets: names one claim of one caller. Letters, digits and dashes. */
  nonce(): string
}

/** How many nonces share one draw: a machine that goes on twice from one snapshot gives the same ones twice for no longer than that. */
const perDraw = 128

let drawn = ''
let count = perDraw

/** Chance as this machine gives it. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  nonce() {
    if (count === perDraw) {
      drawn = randomBytes(12).toString('hex')
      count = 0
    }
    count += 1
    return `${drawn}-${count}`
  },
}
