/** The only arithmetic of the benchmarks. */

/** Several values of the same thing. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** NaN of nothing; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/** By the nearest rank. @param share such as 0.99 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** By round: a machine that was slow in one of them was so for both. A round that one of them has not ended counts for nothing. */
export function ratios(of: ReadonlyMap<number, number>, against: ReadonlyMap<number, number>): readonly number[] {
  return [...of].flatMap(([round, value]) => {
    const base = against.get(round)
    return base === undefined || base === 0 ? [] : [value / base]
  })
}
