/** What many faults, samples and doubled effects come to. */
import type { Doubled, FaultSpan, Sample, Verdict } from './result.js'
import { counted } from './words.js'

/** Every fault of one name. What never came counts as longer than all that did. */
export interface FaultSummary {
  readonly name: string
  readonly times: number
  readonly firstEffectMs: Spread
  readonly caughtUpMs: Spread
}

/** Infinite where it never came. */
export interface Spread {
  readonly median: number
  readonly longest: number
  readonly nevers: number
}

/** One number of one worker, at the beginning and at the end of the run. */
export interface Growth {
  readonly worker: string
  readonly firstThird: number
  readonly lastThird: number
}

/** What is told of every sample. */
export type Measure = Exclude<keyof Sample, 'atMs' | 'worker'>

/** The middle one; of an even number the upper of the two, so that it is one that was seen. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** By name, those that struck most often first. */
export function faultsByName(faults: readonly FaultSpan[]): readonly FaultSummary[] {
  return [...grouped(faults, ({ name }) => name)]
    .map(([name, each]) => ({
      name,
      times: each.length,
      firstEffectMs: spread(each.map(({ firstEffectMs }) => firstEffectMs)),
      caughtUpMs: spread(each.map(({ caughtUpMs }) => caughtUpMs)),
    }))
    .sort((a, b) => b.times - a.times || (a.name < b.name ? -1 : 1))
}

function spread(values: readonly (number | undefined)[]): Spread {
  const all = values.map((value) => value ?? Infinity)
  return { median: median(all), longest: Math.max(...all), nevers: all.filter((value) => value === Infinity).length }
}

/** What no guarantee allows, and the rest by the guarantee that allows it, the most frequent first. */
export function doubledByGuarantee(doubled: readonly Doubled[]): {
  readonly unexplained: readonly Doubled[]
  readonly allowed: readonly (readonly [guarantee: string, doubled: readonly Doubled[]])[]
} {
  const groups = [...grouped(doubled, ({ allowedBy }) => allowedBy)]
  return {
    unexplained: groups.find(([guarantee]) => guarantee === undefined)?.[1] ?? [],
    allowed: groups
      .flatMap(([guarantee, each]) => (guarantee === undefined ? [] : [[guarantee, each] as const]))
      .sort(([, a], [, b]) => b.length - a.length),
  }
}

/** One entry per worker, in the order in which they were first sampled. */
export function growths(samples: readonly Sample[], measure: Measure): readonly Growth[] {
  const inTime = samples.toSorted((a, b) => a.atMs - b.atMs)
  return [...grouped(inTime, ({ worker }) => worker)].map(([worker, each]) => {
    const third = Math.ceil(each.length / 3)
    const middle = (of: readonly Sample[]): number => median(of.map((sample) => sample[measure]))
    return { worker, firstThird: middle(each.slice(0, third)), lastThird: middle(each.slice(-third)) }
  })
}

/** The verdict in one sentence. */
export function headline({ isOk, lines, doubled }: Verdict): string {
  if (isOk) return 'Nothing lost, nothing left over, and nothing done twice that no guarantee allows'
  const wrong = lines.filter(({ isWrong }) => isWrong).map(({ what, count }) => `${counted(count)} ${what}`)
  if (wrong.length > 0) return wrong.join('; ')
  const unexplained = doubled.filter(({ allowedBy }) => allowedBy === undefined).length
  return unexplained > 0 ? `${counted(unexplained)} done twice that no guarantee allows` : 'It is not as it should be'
}

/** In the order in which the groups begin. */
export function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
