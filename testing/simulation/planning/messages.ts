import type { Draw } from '../chance.js'
import type { Behaviour, Plan, PlannedMessage, PlannedWorker, PlanSettings } from '../plan.js'

/** As often as it comes. */
const always = 1_000_000_000

/** Keys that a careless store takes for one another. */
const alikes: readonly [readonly string[], ...(readonly string[])[]] = [
  ['order-1', 'ORDER-1', 'Order-1'],
  ['order-1', 'order-1 ', 'order-10'],
  [`order-${'0'.repeat(250)}1`, `order-${'0'.repeat(250)}2`],
]

export function planMessages(draw: Draw, settings: PlanSettings, workers: readonly PlannedWorker[]): Pick<Plan, 'messages' | 'behaviours'> {
  const keys = draw.happens(0.1) ? draw.one(alikes) : Array.from({ length: draw.between(1, 6) }, (_, index) => `order-${index + 1}`)
  const behaviours: Record<string, Behaviour> = {}
  for (const key of keys) behaviours[key] = planBehaviour(draw, settings)

  const callable = workers.some(({ mode }) => mode === 'once')
  const lanes = draw.one(['key', 'shared', 'none'])
  const forging = draw.happens(0.1)
  const burst = draw.happens(0.3)
  const messages = Array.from({ length: draw.between(keys.length, keys.length * 4) }, (_, index): PlannedMessage => {
    const key = keys[index < keys.length ? index : draw.between(0, keys.length - 1)] ?? ''
    return {
      id: `m${index + 1}`,
      key,
      orderingKey: lanes === 'none' ? undefined : lanes === 'key' ? key : `lane-${draw.between(1, 2)}`,
      atMs: draw.between(0, burst ? 300 : Math.floor(settings.troubleMs * 0.8)),
      via: callable && draw.happens(0.5) ? 'once' : 'broker',
      forged: forging && draw.happens(0.5),
    }
  })
  return { messages, behaviours }
}

function planBehaviour(draw: Draw, { leaseMs, maxRunMs, maxAttempts }: PlanSettings): Behaviour {
  const shortOrLong = (): number => draw.one([0, draw.between(1, 60), draw.between(1, leaseMs), draw.between(leaseMs, leaseMs * 3)])
  const how = draw.happens(0.6)
    ? 'works'
    : draw.one(['fails', 'fails', 'fails', 'asks', 'kills', 'kills', 'hangs', 'unreadable', 'keyless'])
  return {
    how,
    times: how === 'works' ? 0 : how === 'asks' ? always : draw.one([1, draw.between(1, maxAttempts), always]),
    beforeMs: draw.happens(0.05) ? maxRunMs + draw.between(0, leaseMs * 2) : shortOrLong(),
    afterMs: shortOrLong(),
    heeds: draw.one(['asks', 'asks', 'aborts', 'aborts', 'nothing']),
    effectFirst: draw.happens(0.2),
  }
}
