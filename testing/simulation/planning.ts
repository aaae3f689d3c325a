import { derivedRandom, openDraw } from './chance.js'
import { planFaults } from './planning/faults.js'
import { planMessages } from './planning/messages.js'
import { planSettings } from './planning/settings.js'
import type { Draw } from './chance.js'
import type { Plan, PlannedWorker } from './plan.js'

export interface PlanOptions {
  /** Also makes histories in which the store forgets what it has confirmed; the guarantee is then a weaker one. @default false */
  readonly forgets?: boolean | undefined
}

/**
 * The history of a seed. Not every kind of trouble is in every history: some are busy with one kind only, as one trouble can hide what another one would
 * show.
 */
export function planOf(seed: number, { forgets = false }: PlanOptions = {}): Plan {
  const draw = openDraw(derivedRandom(seed, 'plan'))
  const settings = planSettings(draw)
  // By a chance of its own: how steps travel changes nothing else of a plan.
  const coalescing = openDraw(derivedRandom(seed, 'coalescing'))
  const workers = planWorkers(draw).map((worker) => ({ ...worker, coalesces: coalescing.happens(0.5) }))
  const sent = planMessages(draw, settings, workers)
  const faults = planFaults(draw, settings, workers, forgets)
  // To try ten times takes longer than other troubles.
  const leastMs = faults.some(({ what }) => what === 'commits-fail') ? 20_000 : 0
  return { seed, settings: { ...settings, troubleMs: Math.max(settings.troubleMs, leastMs) }, workers, ...sent, faults }
}

function planWorkers(draw: Draw): readonly Omit<PlannedWorker, 'coalesces'>[] {
  const mixed = draw.one([['lease'], ['lease'], ['lease'], ['inbox'], ['lease', 'inbox'], ['lease', 'lease', 'once']])
  const apart = draw.happens(0.3)
  const clock = (): PlannedWorker['clock'] =>
    apart ? { aheadMs: draw.between(-600_000, 600_000), rate: 1 + draw.between(-10, 10) / 10_000 } : { aheadMs: 0, rate: 1 }
  // Somebody has to consume.
  const first = { mode: mixed[0], clock: clock() }
  const others = Array.from({ length: draw.between(0, 3) }, () => ({ mode: draw.one(mixed), clock: clock() }))
  return [first, ...others]
}
