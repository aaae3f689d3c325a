import { ordering } from './publishers/ordering.js'
import { refusing } from './publishers/refusing.js'
import { sending } from './publishers/sending.js'
import { onStage } from './publishers/stage.js'
import { travelling } from './publishers/travelling.js'
import { leftOut } from './suite.js'
import type { Outgoing } from '../src/index.js'
import type { PublisherStageOptions } from './publishers/stage.js'
import type { Cannot, SuiteCase } from './suite.js'

export type { PublishedMessage, PublisherBench } from './publishers/stage.js'

/** How `publisherSuite` reaches the publisher under test, and what its broker does. */
export interface PublisherSuiteOptions extends PublisherStageOptions {
  /**
   * Makes a message that the broker will never take, or says why there is none. Make it one for the bench's destination, which is given, where that can
   * be (one that is too large, and not much): only then can be seen what became of those that follow it.
   */
  readonly refused: ((destination: string) => Outgoing) | Cannot
  /** That messages of one ordering key keep their order, or why not. @default true */
  readonly ordered?: true | Cannot | undefined
  /** That a consumer is told the ordering key, or why not. @default true */
  readonly orderingKeys?: true | Cannot | undefined
}

/**
 * What a publisher has to do, whatever its broker: the contract of `Publisher`, case by case. Each case has a destination of its own.
 *
 *     for (const each of publisherSuite({ open, refused: (destination) => ({ destination, body: tooLarge }) })) test(each.name, each.run)
 */
export function publisherSuite(options: PublisherSuiteOptions): readonly SuiteCase[] {
  const { refused, ordered = true, orderingKeys = true } = options
  return [
    ...onStage(options, sending),
    ...(ordered === true ? onStage(options, ordering) : [leftOut('the order of messages', ordered)]),
    ...(orderingKeys === true ? onStage(options, travelling) : [leftOut('ordering keys that travel', orderingKeys)]),
    ...('cannot' in refused ? [leftOut('messages that are refused', refused)] : onStage(options, refusing(refused))),
  ]
}
