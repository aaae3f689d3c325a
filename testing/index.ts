export { manualClock } from './manual-clock.js'
export { leftOut } from './suite.js'
export type { ManualClock, ManualClockOptions } from './manual-clock.js'
export type { Cannot, SuiteCase } from './suite.js'
