import type { Behaviour, Fault, Plan, PlannedMessage, PlannedWorker, PlanSettings, When } from './plan.js'

/**
 * One way of making plans smaller: offers one smaller plan after the other. Each time it is answered which plan stands then, the one that it offered or the
 * one before, and goes on from there. What it offers has less in it or is plainer, so that shrinking comes to an end.
 */
export type Reduction = (plan: Plan) => Generator<Plan, void, Plan>

/** The same plan under other noise: so many of them. */
export function otherNoises(plan: Plan, number: number): readonly Plan[] {
  return Array.from({ length: number }, (_, index) => ({ ...plan, seed: index + 1 }))
}

/** What a plan has several of. */
interface Part<Item> {
  of(plan: Plan): readonly Item[]
  with(plan: Plan, items: readonly Item[]): Plan
}

const faults: Part<Fault> = { of: (plan) => plan.faults, with: (plan, items) => ({ ...plan, faults: items }) }
const messages: Part<PlannedMessage> = { of: (plan) => plan.messages, with: (plan, items) => tidy({ ...plan, messages: items }) }
const workers: Part<PlannedWorker> = { of: (plan) => plan.workers, with: (plan, items) => tidy({ ...plan, workers: items }) }
const behaviours: Part<[string, Behaviour]> = {
  of: (plan) => Object.entries(plan.behaviours),
  with: (plan, items) => ({ ...plan, behaviours: Object.fromEntries(items) }),
}
const chances: Part<[string, number]> = {
  of: (plan) => Object.entries(plan.settings.broker),
  with: (plan, items) => ({ ...plan, settings: { ...plan.settings, broker: Object.fromEntries(items) } }),
}
const settings: Part<PlanSettings> = {
  of: (plan) => [plan.settings],
  with: (plan, [only]) => ({ ...plan, settings: only ?? plan.settings }),
}

/** Without messages that nobody is left to handle, and without behaviours that no message asks for. */
function tidy(plan: Plan): Plan {
  const consumed = plan.workers.some(({ mode }) => mode !== 'once')
  const called = plan.workers.some(({ mode }) => mode === 'once')
  const kept = plan.messages.filter(({ via }) => (via === 'broker' ? consumed : called))
  const keys = new Set(kept.map(({ key }) => key))
  return { ...plan, messages: kept, behaviours: Object.fromEntries(behaviours.of(plan).filter(([key]) => keys.has(key))) }
}

/** Takes items out: all, then each half, each quarter, and so on down to single ones; from the end, as what came first is more likely to matter. */
function fewer<Item>(part: Part<Item>): Reduction {
  return function* (plan) {
    for (let size = part.of(plan).length; size > 0; size = Math.floor(size / 2)) {
      for (let end = part.of(plan).length; end > 0; end -= size) {
        const items = part.of(plan)
        plan = yield part.with(plan, [...items.slice(0, Math.max(0, end - size)), ...items.slice(end)])
      }
    }
  }
}

/** Replaces items by plainer ones; `values` are those for one item, the plainest first. All items at once, and then each as far as it goes. */
function plainer<Item>(part: Part<Item>, values: (item: Item, plan: Plan) => readonly Item[]): Reduction {
  return function* (plan) {
    const every = plan
    plan = yield part.with(
      every,
      part.of(every).map((item) => values(item, every)[0] ?? item),
    )
    for (let index = 0; index < part.of(plan).length; index += 1) {
      for (let before: Plan | undefined; before !== plan;) {
        before = plan
        const items = part.of(before)
        for (const value of items.slice(index, index + 1).flatMap((item) => values(item, plan))) {
          plan = yield part.with(plan, items.with(index, value))
          if (plan !== before) break
        }
      }
    }
  }
}

/** Where a fault lies in wait for a worker that comes to a point for the nth time, that time comes sooner without one of the messages. */
function* fewerMessagesAndSooner(plan: Plan): Generator<Plan, void, Plan> {
  for (let left = plan.messages.length - 1; left >= 0; left -= 1) {
    for (const [place, fault] of plan.faults.entries()) {
      if (!('nth' in fault.when) || fault.when.nth === 1) continue
      const sooner = plan.faults.with(place, { ...fault, when: { ...fault.when, nth: fault.when.nth - 1 } })
      const before = plan
      plan = yield messages.with({ ...plan, faults: sooner }, plan.messages.toSpliced(left, 1))
      if (plan !== before) break
    }
  }
}

function* fewerWorkers(plan: Plan): Generator<Plan, void, Plan> {
  for (let number = plan.workers.length - 1; number >= 0; number -= 1) if (plan.workers.length > 1) plan = yield withoutWorker(plan, number)
}

/** Faults name workers by their number: those of this one go with it, and those of later ones follow them. */
function withoutWorker(plan: Plan, gone: number): Plan {
  const renumber = <Named extends object>(named: Named): Named =>
    'worker' in named && Number(named.worker) > gone ? { ...named, worker: Number(named.worker) - 1 } : named
  const left = plan.faults.filter(
    (fault) => !('worker' in fault && fault.worker === gone) && !('worker' in fault.when && fault.when.worker === gone),
  )
  return workers.with(
    { ...plan, faults: left.map((fault) => ({ ...renumber(fault), when: renumber(fault.when) })) },
    plan.workers.filter((_, number) => number !== gone),
  )
}

const below = (number: number, values: readonly number[]): readonly number[] => values.filter((value) => value < number)

const floor = (ms: number, step: number): number => Math.floor(ms / step) * step

/** Shorter durations, and earlier times: round ones. */
function lower(ms: number): readonly number[] {
  return below(ms, [0, 100, 1_000, floor(ms / 2, 100), floor(ms, 1_000), floor(ms, 100), floor(ms, 10)])
}

/** The same with other values of some members, one after the other; none where it has that value already. */
function others<Item extends object, Name extends keyof Item>(item: Item, name: Name, values: readonly Item[Name][]): readonly Item[] {
  return values.filter((value) => value !== item[name]).map((value) => ({ ...item, [name]: value }))
}

function plainerWorkers(worker: PlannedWorker): readonly PlannedWorker[] {
  const { clock } = worker
  const right = clock.aheadMs === 0 && clock.rate === 1 ? [] : [{ ...worker, clock: { aheadMs: 0, rate: 1 } }]
  return [...others(worker, 'coalesces', [false]), ...right, ...others(worker, 'mode', ['lease'])]
}

function plainerMessages(message: PlannedMessage): readonly PlannedMessage[] {
  return [
    ...others(message, 'forged', [false]),
    ...others(message, 'orderingKey', [undefined]),
    ...others(message, 'via', ['broker']),
    ...others(message, 'atMs', lower(message.atMs)),
  ]
}

function plainerBehaviours([key, behaviour]: [string, Behaviour]): readonly [string, Behaviour][] {
  const plain = [
    ...others(behaviour, 'effectFirst', [false]),
    ...others(behaviour, 'heeds', ['asks']),
    ...others(behaviour, 'times', below(behaviour.times, [1, 2, 3])),
    ...others(behaviour, 'beforeMs', lower(behaviour.beforeMs)),
    ...others(behaviour, 'afterMs', lower(behaviour.afterMs)),
  ]
  return plain.map((each) => [key, each])
}

function plainerFaults(fault: Fault): readonly Fault[] {
  const { when } = fault
  const sooner: readonly When[] = 'atMs' in when ? others(when, 'atMs', lower(when.atMs)) : others(when, 'nth', upTo(when.nth))
  return [...durationsOf(fault), ...sooner.map((each) => ({ ...fault, when: each }))]
}

/** 1, 2, 3 and so on, without `number` itself. */
const upTo = (number: number): readonly number[] => Array.from({ length: number - 1 }, (_, index) => index + 1)

function durationsOf(fault: Fault): readonly Fault[] {
  return (['downMs', 'forMs', 'byMs', 'lagMs'] as const).flatMap((name): readonly Fault[] => {
    const ms = (fault as { readonly [member in typeof name]?: number })[name]
    return ms === undefined ? [] : lower(ms).map((value) => ({ ...fault, [name]: value }))
  })
}

const plainSettings = { windowMs: 3_600_000, concurrency: 1, whenBusy: 'postpone', whenFailed: 'postpone', whenStoreFails: 'hold' } as const

function plainerSettings(item: PlanSettings, { messages, faults }: Plan): readonly PlanSettings[] {
  // Faults by the clock still strike when all is to be calm.
  const lastMs = Math.max(0, ...messages.map(({ atMs }) => atMs), ...faults.map(({ when }) => ('atMs' in when ? when.atMs : 0)))
  const later = [1_000, 2_000, 4_000, 8_000].filter((ms) => ms > lastMs)
  return [
    { ...item, ...plainSettings },
    ...Object.entries(plainSettings).map(([name, value]) => ({ ...item, [name]: value })),
    ...others(item, 'transitMs', below(item.transitMs, [2])),
    ...others(item, 'troubleMs', below(item.troubleMs, later)),
    ...others(item, 'maxAttempts', upTo(item.maxAttempts)),
    ...others(item, 'maxLapses', below(item.maxLapses, [2, 3, 4])),
    ...others(item, 'retryDelaysMs', [item.retryDelaysMs.slice(0, 1)]),
  ]
}

/** All that is tried, in this order. To have something more tried, add it here. */
export const reductions: readonly Reduction[] = [
  fewer(faults),
  fewer(messages),
  fewerMessagesAndSooner,
  fewerWorkers,
  fewer(behaviours),
  fewer(chances),
  plainer(settings, plainerSettings),
  plainer(workers, plainerWorkers),
  plainer(messages, plainerMessages),
  plainer(behaviours, plainerBehaviours),
  plainer(faults, plainerFaults),
]
