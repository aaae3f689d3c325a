import type { Random } from '../src/index.js'

/** Chance that is the same for every run with the same seed. For tests and simulations only: its nonces can be guessed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  let nonces = 0
  /** Mulberry32. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    fraction: () => next() / 2 ** 32,
    nonce: () => `${(nonces += 1)}-${next().toString(36)}-${seed >>> 0}`,
  }
}
