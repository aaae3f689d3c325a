import type { Draw } from '../chance.js'
import type { BrokerChances } from '../pieces.js'
import type { PlanSettings } from '../plan.js'

export function planSettings(draw: Draw): PlanSettings {
  const leaseMs = draw.one([600, 1_200, 2_400])
  const maxRunMs = leaseMs * draw.between(2, 4)
  const retryDelaysMs: readonly number[] = draw.one<readonly number[]>([[300], [200, 1_000], [500, 2_000]])
  return {
    leaseMs,
    retryDelaysMs,
    // The short one is over before a history is: what comes again then is handled as new.
    windowMs: draw.happens(0.15) ? 20_000 : 3_600_000,
    maxAttempts: draw.between(1, 4),
    maxRunMs,
    transactionLimitMs: draw.happens(0.3) ? maxRunMs : maxRunMs + leaseMs * 3,
    maxLapses: draw.between(2, 5),
    recordTimeoutMs: leaseMs * draw.between(1, 2),
    concurrency: draw.one([1, 2, 4, 8]),
    graceMs: draw.one([50, 500, 2_000]),
    whenBusy: draw.happens(0.2) ? 'wait' : 'postpone',
    whenFailed: draw.happens(0.2) ? 'wait' : 'postpone',
    whenStoreFails: draw.happens(0.03) ? 'run' : 'hold',
    transitMs: draw.one([0, 2, 10, 30]),
    troubleMs: draw.between(4, 16) * 1_000,
    broker: draw.happens(0.6) ? planChances(draw) : {},
  }
}

function planChances(draw: Draw): BrokerChances {
  const some = (most: number): number => (draw.happens(0.35) ? draw.between(1, most) / 100 : 0)
  return {
    duplicate: some(50),
    reorder: some(60),
    loseAck: some(6),
    copyFails: some(40),
    copyUnknown: some(8),
    deliveryDelayMs: draw.happens(0.3) ? draw.between(1, 400) : 0,
  }
}
