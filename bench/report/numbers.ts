import { counted } from '../../test/faults/report/words.js'
import type { Spread } from '../statistics.js'

/** Three digits that mean something: `12,300`, `148`, `1.82`. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const kept = Number(value.toPrecision(3))
  const whole = Math.abs(kept)
  return whole >= 100 || whole === 0 ? counted(kept) : kept.toFixed(whole >= 10 ? 1 : 2)
}

/** Such as `12,300 (11,000 to 13,100)`; only the number where all values are one. */
export function spread({ median, least, most }: Spread): string {
  return least === most ? rounded(median) : `${rounded(median)} (${rounded(least)} to ${rounded(most)})`
}

/** Such as `x1.82`. */
export function ratio(value: number): string {
  return `x${rounded(value)}`
}
