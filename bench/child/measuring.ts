/** How the work of a contender is measured, by the name that a scenario gives. */
import { measureCalls } from './calls.js'
import { measureCore } from './core.js'
import { measureCrowd } from './crowd.js'
import { measureFilling } from './filling.js'
import { measureHeld } from './held.js'
import { measureLatency } from './latency.js'
import { measureSending } from './sending.js'
import { measureSize } from './size.js'
import { measureSteps } from './steps.js'
import { measureSweeping } from './sweeping.js'
import { measureStream } from './stream.js'

export const measurings = {
  calls: measureCalls,
  core: measureCore,
  crowd: measureCrowd,
  filling: measureFilling,
  held: measureHeld,
  latency: measureLatency,
  sending: measureSending,
  size: measureSize,
  steps: measureSteps,
  stream: measureStream,
  sweeping: measureSweeping,
}

export type MeasuringName = keyof typeof measurings
