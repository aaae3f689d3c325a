import { seededRandom } from 'hapax/testing'

/** Chance that is the same for every run with the same seed. */
export interface Chance {
  /** From 0 up to, but not, 1. */
  fraction(): number
  /** A whole number from 0 up to, but not, this. */
  below(many: number): number
  pick<Value>(from: readonly Value[]): Value
}

export function openChance(seed: number): Chance {
  const { fraction } = seededRandom(seed)
  const below = (many: number): number => Math.floor(fraction() * many)
  return {
    fraction,
    below,
    pick(from) {
      const picked = from[below(from.length)]
      if (picked === undefined) throw new RangeError('There is nothing to pick from')
      return picked
    },
  }
}
