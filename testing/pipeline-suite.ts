import { systemRandom } from '../src/index.js'
import { failing } from './pipeline/failing.js'
import { flowing } from './pipeline/flowing.js'
import { hostile } from './pipeline/hostile.js'
import { storming } from './pipeline/storming.js'
import { onStage } from './transports/stage.js'
import type { Random } from '../src/index.js'
import type { SuiteCase } from './suite.js'
import type { PipelineBench } from './pipeline/line.js'
import type { BenchOptions } from './transports/stage.js'

export type { PipelineBench } from './pipeline/line.js'

export interface PipelineSuiteOptions extends BenchOptions<PipelineBench> {
  /** The lease of the suite's handlers, in milliseconds: much longer than a call of the store takes, as cases wait until it is over. @default 1_500 */
  readonly leaseMs?: number | undefined
  /** Chance, for pauses, failures and the order of messages. @default systemRandom */
  readonly random?: Random | undefined
}

/**
 * What a store and a transport have to do together under `idempotent`, while messages come twice, handlers fail and processes stall and
 * die: nothing is lost, and nothing takes effect twice but what a process that died or stalled had in hand. Processes are played: what a
 * dead one sends has no effect, and what comes back does not reach it.
 *
 *     for (const each of pipelineSuite({ open })) test(each.name, each.run)
 */
export function pipelineSuite(options: PipelineSuiteOptions): readonly SuiteCase[] {
  const { leaseMs = 1_500, random = systemRandom } = options
  return [flowing, failing, storming, hostile].flatMap((cases) => onStage(options, cases({ leaseMs, random })))
}
