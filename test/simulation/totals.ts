import type { Happening } from '../../testing/simulation/chronicle.js'
import type { History } from '../../testing/simulation/history.js'

/** What many histories came to together; plain data. */
export interface Totals {
  readonly histories: number
  readonly failed: number
  readonly virtualMs: number
  readonly messages: number
  readonly deliveries: number
  readonly runs: number
  readonly effects: number
  /** What went wrong, by kind: how often, and in how many histories. */
  readonly faults: Readonly<Record<string, Times>>
  /** What took effect more than once, by the reason that allows it. */
  readonly twice: Readonly<Record<string, Times>>
}

export interface Times {
  readonly times: number
  readonly histories: number
}

export const nothing: Totals = {
  histories: 0,
  failed: 0,
  virtualMs: 0,
  messages: 0,
  deliveries: 0,
  runs: 0,
  effects: 0,
  faults: {},
  twice: {},
}

export function totalsOf({ happenings, violations, twice }: History): Totals {
  const count = (what: Happening['what']): number => happenings.filter((happening) => happening.what === what).length
  const overAt = happenings.findIndex(({ what }) => what === 'over')
  return {
    histories: 1,
    failed: violations.length > 0 ? 1 : 0,
    virtualMs: Math.round(happenings.at(-1)?.atMs ?? 0),
    messages: new Set(happenings.flatMap((happening) => ('message' in happening ? [happening.message] : []))).size,
    deliveries: count('arrived'),
    runs: count('started'),
    effects: count('effect'),
    // At the end all workers stop: that is no fault.
    faults: tally(happenings.slice(0, overAt < 0 ? happenings.length : overAt).flatMap((happening) => faultOf(happening) ?? [])),
    twice: tally(twice.map(({ reason }) => reason)),
  }
}

function faultOf(happening: Happening): string | undefined {
  switch (happening.what) {
    case 'crashed':
      return happening.killedBy === undefined ? 'crash' : 'crash (of a message)'
    case 'stalled':
      return 'stall'
    case 'stopping':
      return 'stop'
    case 'cut':
      return `cut off from the ${happening.from} (${happening.how})`
    case 'commits-fail':
      return `commits fail (${happening.how})`
    case 'rebalanced':
      return 'rebalance'
    case 'call-fault':
      return `call: ${happening.how.replace('-', ' ')}`
    case 'store-away':
      return `store away (${happening.how})`
    case 'store-slow':
      return 'store slow'
    case 'store-forgot':
      return 'store forgot'
    case 'broker-away':
      return 'broker away'
    case 'replayed':
      return 'replay of dead letters'
    default:
      return undefined
  }
}

function tally(names: readonly string[]): Record<string, Times> {
  const counted: Record<string, Times> = {}
  for (const name of names) counted[name] = { times: (counted[name]?.times ?? 0) + 1, histories: 1 }
  return counted
}

export function added(one: Totals, other: Totals): Totals {
  return {
    histories: one.histories + other.histories,
    failed: one.failed + other.failed,
    virtualMs: one.virtualMs + other.virtualMs,
    messages: one.messages + other.messages,
    deliveries: one.deliveries + other.deliveries,
    runs: one.runs + other.runs,
    effects: one.effects + other.effects,
    faults: addedByName(one.faults, other.faults),
    twice: addedByName(one.twice, other.twice),
  }
}

function addedByName(one: Totals['faults'], other: Totals['faults']): Totals['faults'] {
  const sum = { ...one }
  for (const [name, { times, histories }] of Object.entries(other)) {
    sum[name] = { times: (sum[name]?.times ?? 0) + times, histories: (sum[name]?.histories ?? 0) + histories }
  }
  return sum
}
