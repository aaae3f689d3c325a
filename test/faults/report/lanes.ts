/** Where each fault is drawn: rows by kind, with a label beside each bar, or where there are too many for that, rows by name. */
import { colourOfFault, faultKindsInOrder } from './colours.js'
import { grouped } from './summaries.js'
import type { FaultSpan } from './result.js'

/** All faults of a run. */
export interface Lanes {
  /** From top to bottom: what is written before the row, which is nothing where it goes on with the lane above. */
  readonly rows: readonly string[]
  readonly bars: readonly Bar[]
}

/** One fault. */
export interface Bar {
  readonly fault: FaultSpan
  readonly row: number
  readonly colour: string
  /** Written beside it; undefined in rows by name. */
  readonly label: string | undefined
  /** Where there is room for the label. */
  readonly labelSide: 'left' | 'right'
}

/** Of one kind, beside each other or below. */
const mostRowsOfKind = 4
const mostRows = 12
/** Of the font that the labels are written in, and a little more, in pixels. */
const pixelsPerCharacter = 6.4
const gapPixels = 10

/** What is struck by faults whose names do not begin with it. */
const struckBy: Readonly<Record<string, string>> = {
  kill: 'worker',
  stall: 'worker',
  roll: 'worker',
  join: 'worker',
  clock: 'worker',
  redis: 'store',
  sqlite: 'store',
}

/** What is struck: `store` by `store-kill` and `redis-memory`, `worker` by `kill-all`. */
export function kindOf(name: string): string {
  const [first = name] = name.split('-')
  return struckBy[first] ?? first
}

/** For a picture that is so wide for so long a run. */
export function lanesOf(faults: readonly FaultSpan[], widthPixels: number, lengthMs: number): Lanes {
  return labelled(faults, widthPixels / lengthMs, widthPixels) ?? byName(faults)
}

function labelled(faults: readonly FaultSpan[], pixelsPerMs: number, widthPixels: number): Lanes | undefined {
  const kinds = grouped(faults, ({ name }) => kindOf(name))
  const rows: string[] = []
  const bars: Bar[] = []
  for (const kind of faultKindsInOrder(kinds.keys())) {
    /** Up to where each row of this kind is taken. */
    const taken: number[] = []
    for (const fault of (kinds.get(kind) ?? []).toSorted((a, b) => a.fromMs - b.fromMs)) {
      const label = fault.name.startsWith(`${kind}-`) ? fault.name.slice(kind.length + 1) : fault.name
      const labelPixels = label.length * pixelsPerCharacter + gapPixels
      const from = fault.fromMs * pixelsPerMs
      const to = fault.toMs * pixelsPerMs
      const isRight = to + labelPixels <= widthPixels
      const start = isRight ? from : from - labelPixels
      const free = taken.findIndex((until) => until <= start)
      const row = free < 0 ? taken.length : free
      if (row >= mostRowsOfKind) return undefined
      taken[row] = isRight ? to + labelPixels : to + gapPixels
      bars.push({ fault, row: rows.length + row, colour: colourOfFault(kind), label, labelSide: isRight ? 'right' : 'left' })
    }
    rows.push(...taken.map((_, index) => (index === 0 ? kind : '')))
  }
  return rows.length <= mostRows ? { rows, bars } : undefined
}

function byName(faults: readonly FaultSpan[]): Lanes {
  const names = [...grouped(faults, ({ name }) => name).keys()].sort()
  const kinds = grouped(names, kindOf)
  const rows = faultKindsInOrder(kinds.keys()).flatMap((kind) => kinds.get(kind) ?? [])
  const bars = faults.map((fault) => ({
    fault,
    row: rows.indexOf(fault.name),
    colour: colourOfFault(kindOf(fault.name)),
    label: undefined,
    labelSide: 'right' as const,
  }))
  return { rows, bars }
}
