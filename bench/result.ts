/** What a run came to, as it is in the JSON, and what follows from it. */
import { ratios, spreadOf } from './statistics.js'
import type { Entrant, Measure, Target } from './scenario.js'
import type { Facts } from './running/facts.js'
import type { Spread } from './statistics.js'

/** Of one scenario. */
export interface Result {
  readonly name: string
  readonly title: string
  readonly facts: Facts
  readonly isQuick: boolean
  readonly rounds: number
  readonly varies: string
  readonly cases: readonly string[]
  readonly entrants: readonly Pick<Entrant, 'name' | 'isBaseline' | 'isOurs'>[]
  readonly measures: readonly Measure[]
  readonly targets: readonly Target[]
  readonly runs: readonly Run[]
  /** Who could not take part, and why. */
  readonly leftOut: readonly { readonly entrant: string; readonly reason: string }[]
  readonly note?: string | undefined
}

/** One run of one contender. */
export type Run = { readonly entrant: string; readonly case: string; readonly round: number } & (
  | { readonly status: 'measured'; readonly measures: Readonly<Record<string, number>> }
  /** It did not do what it was asked for, so how fast it was says nothing. */
  | { readonly status: 'wrong'; readonly reason: string }
  | { readonly status: 'failed'; readonly lastWords: string }
)

/** What the table says of one entrant in one case. */
export interface Cell {
  readonly value: Spread
  /** To the baseline. */
  readonly ratio: Spread | undefined
}

export function cellOf(result: Result, entrant: string, inCase: string, measure: string): Cell | undefined {
  const own = byRound(result, entrant, inCase, measure)
  if (own.size === 0) return undefined
  const base = result.entrants.find(({ isBaseline }) => isBaseline)
  const all = base && base.name !== entrant ? ratios(own, byRound(result, base.name, inCase, measure)) : []
  return { value: spreadOf([...own.values()]), ratio: all.length === 0 ? undefined : spreadOf(all) }
}

/** A target in one case. */
export interface Judged {
  readonly target: Target
  readonly case: string
  readonly asked: number
  /** Undefined where there is nothing to judge by. */
  readonly reached: Spread | undefined
  readonly verdict: 'reached' | 'missed' | 'unknown'
}

/** All targets in all cases that were run. */
export function judge(result: Result): readonly Judged[] {
  return result.targets.flatMap((target) =>
    Object.entries(target.values)
      .filter(([name]) => result.cases.includes(name))
      .map(([name, asked]) => {
        const own = byRound(result, target.entrant, name, target.measure)
        const all = target.against === undefined ? [...own.values()] : ratios(own, byRound(result, target.against, name, target.measure))
        if (all.length === 0) return { target, case: name, asked, reached: undefined, verdict: 'unknown' as const }
        const reached = spreadOf(all)
        const isReached = target.bound === 'at least' ? reached.median >= asked : reached.median <= asked
        return { target, case: name, asked, reached, verdict: isReached ? ('reached' as const) : ('missed' as const) }
      }),
  )
}

/** Runs that did not come to a measurement, each reason once. */
export function troubles({
  runs,
}: Result): readonly { readonly entrant: string; readonly cases: readonly string[]; readonly what: string }[] {
  const found = new Map<string, { entrant: string; cases: Set<string>; what: string }>()
  for (const run of runs) {
    if (run.status === 'measured') continue
    const what = run.status === 'wrong' ? `wrong: ${run.reason}` : `failed: ${run.lastWords}`
    const entry = found.get(`${run.entrant} ${what}`) ?? { entrant: run.entrant, cases: new Set(), what }
    entry.cases.add(run.case)
    found.set(`${run.entrant} ${what}`, entry)
  }
  return [...found.values()].map(({ entrant, cases, what }) => ({ entrant, cases: [...cases], what }))
}

/** Whether all that is ours did what it was asked for. Targets are no part of it: they depend on the machine. */
export function isSound(result: Result): boolean {
  const ours = new Set(result.entrants.filter(({ isOurs }) => isOurs).map(({ name }) => name))
  return result.runs.every(({ entrant, status }) => status === 'measured' || !ours.has(entrant))
}

function byRound({ runs }: Result, entrant: string, inCase: string, measure: string): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const run of runs) {
    if (run.entrant !== entrant || run.case !== inCase) continue
    // Who did it wrong once is not rated.
    if (run.status === 'wrong') return new Map()
    if (run.status !== 'measured') continue
    const value = run.measures[measure]
    if (value !== undefined && Number.isFinite(value)) found.set(run.round, value)
  }
  return found
}
