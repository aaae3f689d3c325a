import type { Happening } from './chronicle.js'
import type { Plan } from './plan.js'

/** What came of playing a plan. */
export interface History {
  readonly plan: Plan
  readonly happenings: readonly Happening[]
  /** What did not hold; empty where all did. */
  readonly violations: readonly Violation[]
  /** Keys that took effect more than once, each time with the reason that the guarantees allow. */
  readonly twice: readonly { readonly key: string; readonly reason: string }[]
}

export interface Violation {
  /** The name of the property. */
  readonly property: string
  /** What did not hold, with names and times. */
  readonly message: string
  readonly atMs: number
}
