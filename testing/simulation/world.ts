import type { Random } from '../../src/index.js'
import type { Happening } from './chronicle.js'
import type { Plan, Point } from './plan.js'
import type { CallFault, Nemesis } from './faults/nemesis.js'
import type { SimulatedBroker, SimulatedStore } from './pieces.js'
import type { Scheduler } from './scheduler.js'
import type { Weather } from './faults/weather.js'

/** Everything that the parts of one history share. */
export interface World<Tx> {
  readonly plan: Plan
  readonly scheduler: Scheduler
  /** Of the ways and of what is due at once. */
  readonly noise: Random
  readonly store: SimulatedStore<Tx>
  readonly broker: SimulatedBroker
  readonly weather: Weather
  readonly nemesis: Nemesis
  /** How long something is on its way now. */
  transitMs(): number
  /** Writes into the chronicle. */
  tell(happening: Untimed<Happening>): void
  /** Counts up: the name of the next delivery, run or transaction. */
  next(what: 'delivery' | 'run' | 'transaction'): number
  /** How often the handler has been started for this key, this time included. */
  countRun(key: string): number
}

/** A happening whose time is now. */
export type Untimed<Told> = Told extends unknown ? Omit<Told, 'atMs'> : never

/** How one worker comes to a point of its life: what lies in wait there happens. Answers what is to happen to the call that is made. */
export type Pass = (point: Point, side: 'before' | 'after') => CallFault | undefined
