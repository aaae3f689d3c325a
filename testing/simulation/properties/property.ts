import { longestTurnMs } from '../workers/coalesced-way.js'
import { watch } from '../facts/watching.js'
import type { Happening } from '../chronicle.js'
import type { Facts } from '../facts.js'
import type { Watching } from '../facts/watching.js'

/** Something that holds in every history. */
export interface Property {
  readonly name: string
  /** What holds, for people. */
  readonly sentence: string
  /** Watches one history: what it returns is told everything that happens, after `facts` were, and calls `violate` with what did not hold. */
  open(facts: Facts, violate: (message: string) => void): (happening: Happening) => void
}

/** What is done at each kind of happening that a property looks at. */
export function watching(table: Watching): (happening: Happening) => void {
  return (happening) => watch(table, happening)
}

/** Two things may be a little apart that ought to be at the same time: clocks run at different rates, and times are rounded. */
export const slackMs = 10

/** From so many lapses on a key runs alone, so that those of others can take it no further. */
export const aloneFromLapses = 3

/** How long it takes at most, after a trouble, until a process has tried again what it kept trying: the longest pause between two tries, and the limits of some calls. */
export function recoveryMs({ plan: { settings } }: Facts): number {
  return 2_000 + settings.leaseMs + settings.transitMs * 8
}

/** How long it takes at most until what is asked for leaves. */
export function turnMs({ plan: { workers } }: Facts): number {
  return workers.some(({ coalesces }) => coalesces) ? longestTurnMs : 0
}

/** Whether a run began without a claim, and was allowed to. */
export function isUnclaimed({ plan: { settings } }: Facts, token: number | undefined): boolean {
  return token === 0 && settings.whenStoreFails === 'run'
}

/** As people write times. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`
}
