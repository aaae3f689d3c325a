/** The tables of a report, the same in the terminal and on the page. */
import { doubledByGuarantee, faultsByName, growths } from './summaries.js'
import { counted, duration, megabytes, plain, several, timeOfRun } from './words.js'
import type { Doubled, FaultSpan, Result, Sample } from './result.js'
import type { Measure } from './summaries.js'

/** With nothing in it that a terminal could obey; not escaped for HTML. */
export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** What is to be said below it. */
  readonly note?: string | undefined
}

/** What is in one column of all rows. */
export interface Column {
  readonly name: string
  readonly side: 'left' | 'right'
}

/** One line of a table, or a few that belong together. */
export interface Row {
  /** One per column; a cell may have several lines. */
  readonly cells: readonly string[]
  readonly isWrong: boolean
}

/** How many examples are told of what a guarantee allows. */
const examples = 3

/** Verdict lines, in their order. */
export function countsTable({ verdict }: Result): Table {
  return {
    title: 'Counts',
    columns: columns('count:r', 'what:l', 'detail:l'),
    rows: verdict.lines.map(({ what, count, detail, isWrong }) => ({ cells: [counted(count), plain(what), plain(detail)], isWrong })),
  }
}

/** What was done more than once: all that no guarantee allows first, then a table with a few examples for each guarantee. */
export function doubledTables({ verdict }: Result): readonly Table[] {
  const { unexplained, allowed } = doubledByGuarantee(verdict.doubled)
  const table = (title: string, doubled: readonly Doubled[], most: number, isWrong: boolean): Table => ({
    title,
    columns: columns('message:l', 'times:r', 'runs:l'),
    rows: doubled
      .slice(0, most)
      .map(({ message, times, runs }) => ({ cells: [plain(message), counted(times), runs.map(plain).join('\n')], isWrong })),
    note: doubled.length > most ? `and ${several(doubled.length - most, 'message')} more` : undefined,
  })
  return [
    ...(unexplained.length > 0
      ? [table(`UNEXPLAINED: ${doneTwice(unexplained)}, and no guarantee allows it`, unexplained, Infinity, true)]
      : []),
    ...allowed.map(([guarantee, doubled]) => table(`Allowed: ${doneTwice(doubled)}: ${plain(guarantee)}`, doubled, examples, false)),
  ]
}

function doneTwice(doubled: readonly Doubled[]): string {
  return `${several(doubled.length, 'message')} done more than once`
}

/** Faults by name, and how long it took to get over them. */
export function faultsTable({ faults }: Result): Table {
  return {
    title: 'Faults, and how long after the end of each the next effect came, and everything had caught up',
    columns: columns('fault:l', 'times:r', 'next effect, median:r', 'longest:r', 'caught up, median:r', 'longest:r', 'never:r'),
    rows: faultsByName(faults).map(({ name, times, firstEffectMs, caughtUpMs }) => ({
      cells: [
        plain(name),
        counted(times),
        duration(firstEffectMs.median),
        duration(firstEffectMs.longest),
        duration(caughtUpMs.median),
        duration(caughtUpMs.longest),
        caughtUpMs.nevers > 0 ? counted(caughtUpMs.nevers) : '',
      ],
      isWrong: false,
    })),
  }
}

/** One fault per row. */
export function faultSpansTable(faults: readonly FaultSpan[]): Table {
  return {
    title: 'Every fault',
    columns: columns('at:r', 'fault:l', 'lasted:r', 'next effect:r', 'caught up:r', 'detail:l'),
    rows: faults.map(({ name, detail, fromMs, toMs, firstEffectMs, caughtUpMs }) => ({
      cells: [timeOfRun(fromMs), plain(name), duration(toMs - fromMs), duration(firstEffectMs), duration(caughtUpMs), plain(detail)],
      isWrong: false,
    })),
  }
}

/** Percentiles, one histogram per row. */
export function latencyTable({ latencies }: Result): Table {
  return {
    title: 'Latencies',
    columns: columns('from, to:l', 'count:r', '50 %:r', '90 %:r', '99 %:r', '99.9 %:r', 'longest:r'),
    rows: latencies.map(({ what, count, p50Ms, p90Ms, p99Ms, p999Ms, mostMs }) => ({
      cells: [plain(what), counted(count), ...[p50Ms, p90Ms, p99Ms, p999Ms, mostMs].map(duration)],
      isWrong: false,
    })),
  }
}

const measures: readonly (readonly [Measure, string, (value: number) => string])[] = [
  ['heapBytes', 'heap', megabytes],
  ['rssBytes', 'resident', megabytes],
  ['timers', 'timers', counted],
  ['connections', 'connections', counted],
  ['listeners', 'listeners', counted],
]

/** What each worker held in the first and in the last third of its samples. */
export function soakTable({ samples }: Result): Table {
  const rows = (measure: Measure, what: string, told: (value: number) => string, of: readonly Sample[]): readonly Row[] =>
    growths(of, measure).map(({ worker, firstThird, lastThird }, index) => {
      const more = lastThird - firstThird
      const share = firstThird > 0 && more !== 0 ? ` (${signed(more, (value) => `${((value / firstThird) * 100).toFixed(1)} %`)})` : ''
      const cells = [index === 0 ? what : '', plain(worker), told(firstThird), told(lastThird), `${signed(more, told)}${share}`]
      return { cells, isWrong: false }
    })
  // The store tells it, and says the same to all.
  const ofStore = samples.map((sample) => ({ ...sample, worker: '' }))
  return {
    title: 'Soak: medians of the first and of the last third of the samples',
    columns: columns('what:l', 'worker:l', 'first third:r', 'last third:r', 'growth:r'),
    rows: [
      ...measures.flatMap(([measure, what, told]) => rows(measure, what, told, samples)),
      ...rows('records', 'records', counted, ofStore),
    ],
  }
}

function signed(value: number, told: (value: number) => string): string {
  return `${value > 0 ? '+' : value < 0 ? '-' : ''}${told(Math.abs(value))}`
}

/** From words such as `times:r`. */
function columns(...words: readonly string[]): readonly Column[] {
  return words.map((word) => ({ name: word.slice(0, -2), side: word.endsWith(':r') ? 'right' : 'left' }))
}
