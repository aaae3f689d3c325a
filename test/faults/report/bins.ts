/** Seconds put together into as few points as a picture can show. */
import { grouped } from './summaries.js'
import type { Second } from './result.js'

/** Some seconds in a row. */
export interface Bin {
  readonly fromSecond: number
  /** The first second that is no longer part of it. */
  readonly toSecond: number
  /** Per second. */
  readonly sent: number
  /** Per second. */
  readonly effects: number
  /** The most of any of its seconds. */
  readonly behind: number
  /** In all of its seconds together. */
  readonly outcomes: Readonly<Record<string, number>>
  /** The median of its seconds' medians, each as often as it had effects. */
  readonly medianMs: number | undefined
  /** The worst of its seconds. */
  readonly p99Ms: number | undefined
}

/** Widths that a person can think in, in seconds. */
const widths = [1, 2, 5, 10, 15, 20, 30, 60]

/** At most this many points, each as many whole seconds wide as it takes. */
export function binned(seconds: readonly Second[], mostPoints: number): { readonly widthSeconds: number; readonly bins: readonly Bin[] } {
  const length = seconds.reduce((most, { second }) => Math.max(most, second + 1), 0)
  const widthSeconds = widths.find((width) => length / width <= mostPoints) ?? 60 * Math.ceil(length / mostPoints / 60)
  const groups = grouped(seconds, ({ second }) => Math.floor(second / widthSeconds))
  const bins: Bin[] = []
  for (let number = 0; number * widthSeconds < length; number += 1) {
    const of = (groups.get(number) ?? []).toSorted((a, b) => a.second - b.second)
    const fromSecond = number * widthSeconds
    const toSecond = Math.min(fromSecond + widthSeconds, length)
    const p99s = of.flatMap(({ p99Ms }) => p99Ms ?? [])
    bins.push({
      fromSecond,
      toSecond,
      sent: sum(of.map(({ sent }) => sent)) / (toSecond - fromSecond),
      effects: sum(of.map(({ effects }) => effects)) / (toSecond - fromSecond),
      // A second that nobody told of changed nothing.
      behind: of.length > 0 ? Math.max(...of.map(({ behind }) => behind)) : (bins.at(-1)?.behind ?? 0),
      outcomes: together(of),
      medianMs: weightedMedian(of),
      p99Ms: p99s.length > 0 ? Math.max(...p99s) : undefined,
    })
  }
  return { widthSeconds, bins }
}

function together(seconds: readonly Second[]): Readonly<Record<string, number>> {
  const outcomes: Record<string, number> = {}
  for (const second of seconds) {
    for (const [outcome, count] of Object.entries(second.outcomes)) outcomes[outcome] = (outcomes[outcome] ?? 0) + count
  }
  return outcomes
}

function weightedMedian(seconds: readonly Second[]): number | undefined {
  const known = seconds
    .flatMap(({ medianMs, effects }) => (medianMs === undefined ? [] : [{ medianMs, effects: Math.max(1, effects) }]))
    .sort((a, b) => a.medianMs - b.medianMs)
  const half = sum(known.map(({ effects }) => effects)) / 2
  let passed = 0
  return known.find(({ effects }) => (passed += effects) >= half)?.medianMs
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
