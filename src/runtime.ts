import { systemClock } from './clock.js'
import { systemRandom } from './random.js'
import { openGate } from './gate.js'
import type { Clock } from './clock.js'
import type { Random } from './random.js'
import type { Gate } from './gate.js'

/** What one process has of time, chance and shared fate. Tests and simulators make one for each worker that they play. */
export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  /** Which handlers may start side by side in this process: a message that kills it takes down all that run there. */
  readonly gate: Gate
}

/** The runtime of this process: what is used unless another one is handed in. */
export const systemRuntime: Runtime = { clock: systemClock, random: systemRandom, gate: openGate() }

/** A runtime with a gate of its own. */
export function openRuntime({
  clock = systemClock,
  random = systemRandom,
}: { readonly clock?: Clock; readonly random?: Random } = {}): Runtime {
  return { clock, random, gate: openGate() }
}
