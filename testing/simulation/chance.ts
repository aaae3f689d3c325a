import { seededRandom } from '../seeded-random.js'
import type { Random } from '../../src/index.js'

/** Chance of its own for each name, so that what one part asks for changes nothing for the others. */
export function derivedRandom(seed: number, name: string): Random {
  // FNV-1a.
  let mixed = (0x811c9dc5 ^ seed) >>> 0
  for (let index = 0; index < name.length; index += 1) mixed = Math.imul(mixed ^ name.charCodeAt(index), 0x01000193) >>> 0
  return seededRandom(Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b))
}

/** Draws from chance, for plans. */
export interface Draw {
  /** Whether it happens, with a chance from 0 to 1. */
  happens(chance: number): boolean
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number
  one<const Value>(values: readonly [Value, ...Value[]]): Value
}

export function openDraw(random: Random): Draw {
  const between = (least: number, most: number): number => least + Math.floor(random.fraction() * (most - least + 1))
  return {
    happens: (chance) => random.fraction() < chance,
    between,
    one: (values) => values[between(0, values.length - 1)] ?? values[0],
  }
}
