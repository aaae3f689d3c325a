import type { ContenderName } from '../contenders.js'
import type { Settings } from '../contract.js'
import type { MeasuringName } from './measuring.js'

/** What a process that runs a contender is told. */
export interface Work {
  readonly contender: ContenderName
  readonly measuring: MeasuringName
  readonly name: string
  readonly settings: Settings
}
