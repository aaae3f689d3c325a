/** What a scenario says: who contends in what, what is measured, and what is to be reached. Plain data but for its stage. */
import type { ContenderName } from './contenders.js'
import type { Settings } from './contract.js'
import type { MeasuringName } from './child/measuring.js'
import type { OpenStage } from './stages/stage.js'

export interface Scenario {
  readonly name: string
  /** One line. */
  readonly title: string
  /** Names of `npm run services` that have to answer. */
  readonly needs: readonly string[]
  readonly stage: OpenStage
  readonly measuring: MeasuringName
  /** What is different from case to case, such as `at once`. */
  readonly varies: string
  readonly cases: readonly Case[]
  readonly entrants: readonly Entrant[]
  /** What is shown, in this order; all else that was measured is in the JSON. */
  readonly measures: readonly Measure[]
  readonly targets: readonly Target[]
  /** For all contenders. */
  readonly settings: Settings
  /** Over `settings` in a quick run. */
  readonly quickSettings: Settings
  /** The Node that runs the contenders. @default this one */
  readonly node?: (() => string) | undefined
  /** At most, however many are asked for. */
  readonly mostRounds?: number | undefined
  /** How long one contender may take for one run, in milliseconds, before it counts as hanging. */
  readonly limitMs: number
  /** What has to be known to read the table. */
  readonly note?: string | undefined
}

/** One value of what a scenario varies. */
export interface Case {
  readonly name: string
  readonly settings: Settings
  /** Part of a quick run. */
  readonly isQuick: boolean
}

export interface Entrant {
  readonly name: string
  readonly contender: ContenderName
  readonly settings?: Settings | undefined
  /** Needs the packages of `bench/peers`. */
  readonly isPeer?: boolean | undefined
  /** What the ratios in the table are made against; one in each scenario at most. */
  readonly isBaseline?: boolean | undefined
  /** Of Hapax: what goes wrong with it is a failure of the whole run. */
  readonly isOurs?: boolean | undefined
  /** The only cases that it takes part in. @default all */
  readonly cases?: readonly string[] | undefined
}

export interface Measure {
  /** As the measuring calls it. */
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** Told, but not drawn. */
  readonly isAside?: boolean | undefined
}

/** What an entrant is to reach. */
export interface Target {
  readonly entrant: string
  readonly measure: string
  /** The ratio to this entrant, made round by round; an absolute value without. */
  readonly against?: string | undefined
  readonly bound: 'at least' | 'at most'
  /** By the name of the case. */
  readonly values: Readonly<Record<string, number>>
}
