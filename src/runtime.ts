import { systemClock } from './clock.js'
import { systemRandom } from './random.js'
import { openGate } from './gate.js'
import { refuseUnless } from './options.js'
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

/** Throws a `ConfigurationError` for a runtime that lacks a part. */
export function refuseUnlessRuntime(runtime: Pick<Runtime, 'clock' | 'random'>): void {
  refuseUnless.options(runtime, 'systemRuntime', 'runtime')
  refuseUnless.clock('runtime.clock', runtime.clock)
  refuseUnless.random('runtime.random', runtime.random)
}

/** The runtime of this process: what is used unless another one is handed in. */
export const systemRuntime: Runtime = { clock: systemClock, random: systemRandom, gate: openGate() }

/** A runtime with a gate of its own. */
export function openRuntime(options: { readonly clock?: Clock; readonly random?: Random } = {}): Runtime {
  refuseUnless.options(options, '{ clock }')
  const { clock = systemClock, random = systemRandom } = options
  refuseUnless.clock('clock', clock)
  refuseUnless.random('random', random)
  return { clock, random, gate: openGate() }
}
