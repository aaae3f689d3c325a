import { delivering } from './transports/delivering.js'
import { hostile } from './transports/hostile.js'
import { misbehaving } from './transports/misbehaving.js'
import { outages } from './transports/outages.js'
import { postponing } from './transports/postponing.js'
import { settingAside } from './transports/setting-aside.js'
import { canPlay, onStage } from './transports/stage.js'
import { stopping } from './transports/stopping.js'
import { leftOut } from './suite.js'
import type { Cannot, SuiteCase } from './suite.js'
import type { BenchOptions, TransportBench } from './transports/stage.js'

export type { BenchOptions, StoredDeadLetter, TransportBench } from './transports/stage.js'

export interface TransportSuiteOptions extends BenchOptions<TransportBench> {
  /**
   * Takes the broker away from every consumption, until it is called with `false`: by stopping it, or by cutting the connections. A broker of
   * which the tests have only one cannot.
   */
  readonly away: ((isAway: boolean) => Promise<void> | void) | Cannot
}

/**
 * What a transport has to do, whatever its broker: the contract of `Transport` and `Delivery`, case by case. Deliveries are settled by a
 * handler without a store, so that what fails is the transport's.
 *
 *     for (const each of transportSuite({ open, away: { cannot: 'one broker serves all tests' } })) test(each.name, each.run)
 */
export function transportSuite(options: TransportSuiteOptions): readonly SuiteCase[] {
  const { away } = options
  return [
    ...[delivering, postponing, settingAside, stopping, misbehaving, hostile].flatMap((cases) => onStage(options, cases)),
    ...(canPlay(away) ? onStage(options, outages(away)) : [leftOut('outages of the broker', away)]),
  ]
}
