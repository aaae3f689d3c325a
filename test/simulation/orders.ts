import type { History, Violation } from '../../testing/simulation/history.js'
import type { Plan } from '../../testing/simulation/plan.js'
import type { Totals } from './totals.js'

/** What a player can be asked to do; plain data, as the answers are. */
export type Order =
  /** Plays the histories of these seeds, one after the other, up to the first that fails or to the last. */
  | { readonly what: 'play'; readonly from: number; readonly to: number; readonly forgets: boolean; readonly keepGoing: boolean }
  /** Plays one plan and tells its story. */
  | { readonly what: 'tell'; readonly plan: Plan; readonly about: string | undefined }
  /** Looks for a smaller plan that violates the same property. */
  | { readonly what: 'shrink'; readonly plan: Plan; readonly property: string }

export type Answer =
  | { readonly what: 'played'; readonly totals: Totals; readonly failures: readonly Failure[] }
  | ({ readonly what: 'told'; readonly lines: readonly string[] } & Pick<History, 'violations' | 'twice'>)
  | { readonly what: 'shrunk'; readonly plan: Plan; readonly runs: number }

/** That a player is alive: the seed that it begins with now, or how small a plan has become. */
export type Sign =
  | { readonly what: 'seed'; readonly seed: number }
  | { readonly what: 'smaller'; readonly plan: Plan; readonly runs: number }
  | { readonly what: 'run' }

/** A history in which something did not hold. */
export interface Failure {
  readonly seed: number
  readonly violations: readonly [Violation, ...Violation[]]
}

/** Not a property of a history, but of playing it: the code under test threw where nobody listens, or the history did not come to its end. */
export const unplayable = 'plays to its end'
