import { takingLanes } from './outbox/lanes.js'
import { polling, relaying, waking } from './outbox/relaying.js'
import { onOutboxStage } from './outbox/stage.js'
import { storing, storingSideBySide } from './outbox/storing.js'
import { leftOut } from './suite.js'
import type { OutboxSuiteOptions } from './outbox/stage.js'
import type { SuiteCase } from './suite.js'

export type { OutboxBench, OutboxHandle, OutboxSuiteOptions } from './outbox/stage.js'

/** What every outbox has to do, as cases for any test runner. Each case uses a table of its own. */
export function outboxSuite<Tx>(options: OutboxSuiteOptions<Tx>): readonly SuiteCase[] {
  return [
    ...onOutboxStage(options, { ...storing<Tx>(), ...takingLanes<Tx>(), ...relaying<Tx>() }),
    ...onOutboxStage(options, options.wakes ? waking<Tx>() : polling<Tx>()),
    ...(options.sideBySide
      ? onOutboxStage(options, storingSideBySide<Tx>())
      : [leftOut('transactions side by side', { cannot: 'one transaction writes at a time' })]),
  ]
}
