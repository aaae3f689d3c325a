import { openCrew } from './workers/crew.js'
import { idOf } from './workers/handler.js'
import { derivedRandom } from './chance.js'
import { openJudge } from './judge.js'
import { openNemesis } from './faults/nemesis.js'
import { beginningEpochMs } from './workers/process.js'
import { openScheduler } from './scheduler.js'
import { openSenders } from './workers/senders.js'
import { openStriking } from './faults/striking.js'
import { openWeather } from './faults/weather.js'
import type { Clock } from '../../src/index.js'
import type { Happening } from './chronicle.js'
import type { History } from './history.js'
import type { Fault, Plan } from './plan.js'
import type { Pieces } from './pieces.js'
import type { CallFault } from './faults/nemesis.js'
import type { Untimed, World } from './world.js'

/**
 * Plays a plan: the real core on these pieces, under one scheduler that owns time, chance, and when each promise of store, broker, clock and handler
 * settles. First all kinds of trouble, then calm until everything is settled, then all stop. The same plan gives the same history.
 */
export async function simulate<Tx>(plan: Plan, pieces: Pieces<Tx>): Promise<History> {
  const { settings } = plan
  const noise = derivedRandom(plan.seed, 'noise')
  const scheduler = openScheduler(derivedRandom(plan.seed, 'order'))
  const clock: Clock = {
    now: scheduler.now,
    epochMs: () => beginningEpochMs + scheduler.now(),
    schedule: scheduler.schedule,
    soon: (wake) => void scheduler.schedule(0, wake),
  }
  const happenings: Happening[] = []
  const judge = openJudge(plan)
  const counts = { delivery: 0, run: 0, transaction: 0 }
  const runs = new Map<string, number>()

  const world: World<Tx> = {
    plan,
    scheduler,
    noise,
    store: pieces.store({ clock, random: derivedRandom(plan.seed, 'store') }),
    broker: pieces.broker({ clock, random: derivedRandom(plan.seed, 'broker') }),
    weather: openWeather(),
    nemesis: openNemesis(plan.faults, scheduler, (fault) => strike(fault)),
    transitMs: () => noise.fraction() * settings.transitMs,
    tell(untimed: Untimed<Happening>) {
      const happening = { atMs: scheduler.now(), ...untimed } as Happening
      happenings.push(happening)
      if (happenings.length === mostHappenings) scheduler.stop()
      judge.see(happening)
    },
    next: (what) => (counts[what] += 1),
    countRun(key) {
      const count = (runs.get(key) ?? 0) + 1
      runs.set(key, count)
      return count
    },
  }
  const crew = openCrew(world)
  const striking = openStriking(world, crew)
  const strike = (fault: Exclude<Fault, CallFault>): void => striking.strike(fault)
  const senders = openSenders(world, crew)

  world.broker.misbehave(settings.broker)
  plan.workers.forEach((_, slot) => void crew.begin(slot))
  senders.begin()
  await scheduler.run(settings.troubleMs)

  world.nemesis.rest()
  striking.mend()
  world.broker.misbehave({})
  crew.mend()
  world.tell({ what: 'calm' })
  const settled = (): boolean =>
    world.broker.left() === 0 &&
    senders.open === 0 &&
    crew.workers.every(({ process, unsettled }) => process.state === 'dead' || unsettled === 0)
  await scheduler.run(settings.troubleMs + patienceMs(plan, world.broker.left() + senders.open), settled)
  world.tell({ what: 'over', left: world.broker.left() + senders.open, deadLetters: world.broker.deadLetters().map(idOf) })

  let stopping = plan.workers.length
  plan.workers.forEach((_, slot) => void crew.stop(slot, undefined).then(() => (stopping -= 1)))
  const { leaseMs, recordTimeoutMs, graceMs } = settings
  await scheduler.run(scheduler.now() + graceMs + stoppingMs, () => stopping === 0)
  // What was left alone goes on for a while, and then there must be nothing.
  await scheduler.run(scheduler.now() + leaseMs + recordTimeoutMs + stoppingMs)
  const living = crew.workers.filter(({ process }) => process.state !== 'dead')
  world.tell({
    what: 'end',
    records: world.store.size(),
    timers: living.reduce((sum, { process }) => sum + process.timers, 0),
    calls: living.reduce((sum, { unsettled }) => sum + unsettled, 0),
  })
  const { violations, twice } = judge.verdict()
  const endless = { property: 'comes-to-an-end', message: `${mostHappenings} happenings, and no end`, atMs: scheduler.now() }
  return { plan, happenings, violations: happenings.length < mostHappenings ? violations : [...violations, endless], twice }
}

/** More than that no history comes to that is going to end. */
const mostHappenings = 200_000

/** How long a stop takes at most, beside the grace time. */
const stoppingMs = 5_000

/**
 * How long it may take, after all trouble, until everything is settled: every key that kills or hangs uses up its lapses one by one, alone, and each other
 * one its attempts.
 */
function patienceMs({ settings, behaviours }: Plan, left: number): number {
  const { leaseMs, maxRunMs, maxLapses, maxAttempts, retryDelaysMs } = settings
  const longestMs = Math.max(0, ...Object.values(behaviours).map(({ beforeMs, afterMs }) => beforeMs + afterMs))
  const lapsing = Object.values(behaviours).filter(({ how }) => how === 'kills' || how === 'hangs').length + 1
  const roundMs = leaseMs * 3 + maxRunMs + longestMs + Math.max(...retryDelaysMs) + 5_000
  return roundMs * lapsing * (maxLapses + 2) + (left + 2) * maxAttempts * (longestMs + leaseMs + Math.max(...retryDelaysMs)) + 30_000
}
