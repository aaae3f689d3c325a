import type { Draw } from '../chance.js'
import type { Cut, Fault, PlannedWorker, PlanSettings, Point, When } from '../plan.js'

type Make = (when: When, worker: number) => Fault

/** Steps that are a call, to which something can happen on its way. */
const calls: readonly [Point, ...Point[]] = ['claim', 'renew', 'complete', 'release', 'ack', 'postpone', 'dead-letter']
const callsInside: readonly [Point, ...Point[]] = [...calls, 'begin', 'claim-in', 'commit']
const moments: readonly [Point, ...Point[]] = [...calls, 'arrive', 'start', 'effect', 'return']

export function planFaults(draw: Draw, settings: PlanSettings, workers: readonly PlannedWorker[], forgets: boolean): readonly Fault[] {
  const { leaseMs, troubleMs } = settings
  const inside = workers.some(({ mode }) => mode === 'inbox')
  const whileMs = (): number => draw.one([draw.between(20, 200), draw.between(200, leaseMs), draw.between(leaseMs, leaseMs * 3)])
  const how = (): Cut => draw.one(['refused', 'silent', 'deaf'])
  const worker = (): number => draw.between(0, workers.length - 1)
  const byClock = (): When => ({ atMs: draw.between(0, troubleMs - 1) })
  const at = (point: Point, slot: number, side?: 'before' | 'after'): When => ({
    worker: slot,
    point,
    nth: draw.one([1, 2, draw.between(1, 4), draw.between(1, 12)]),
    side: side ?? draw.one(['before', 'after']),
  })
  const when = (slot: number): When =>
    draw.happens(0.3) ? byClock() : at(draw.one(inside ? [...moments, 'claim-in', 'commit'] : moments), slot)

  const kinds: readonly [Make, ...Make[]] = [
    (when, worker) => ({ what: 'crash', worker, when, downMs: draw.between(0, leaseMs * 2) }),
    (when, worker) => ({ what: 'stall', worker, when, forMs: whileMs() }),
    (when, worker) => ({ what: 'stop', worker, when, downMs: draw.between(0, leaseMs * 2) }),
    (when, worker) => ({ what: 'cut', worker, from: 'store', how: how(), when, forMs: whileMs() }),
    (when, worker) => ({ what: 'cut', worker, from: 'broker', how: how(), when, forMs: whileMs() }),
    (when, worker) => ({ what: 'rebalance', worker, when }),
    (when) => ({ what: 'store-away', how: how(), when, forMs: whileMs() }),
    (when) => ({ what: 'store-slow', byMs: draw.between(10, leaseMs), when, forMs: whileMs() }),
    (when) => ({ what: 'broker-away', when, forMs: whileMs() }),
  ]
  const callFault = (): Fault => ({
    what: 'call',
    when: at(draw.one(inside ? callsInside : calls), worker(), 'before'),
    how: draw.one(['late-request', 'late-answer', 'lost-request', 'lost-answer', 'fails', 'twice']),
    byMs: whileMs(),
  })

  // Some histories know a few kinds only, so that one kind does not always hide another.
  const known: readonly [Make, ...Make[]] = draw.happens(0.5) ? kinds : [draw.one(kinds), draw.one(kinds)]
  let last: { readonly slot: number; when: When | undefined } | undefined
  const faults = Array.from({ length: draw.one([0, draw.between(1, 3), draw.between(3, 8), draw.between(8, 16)]) }, (): Fault => {
    if (draw.happens(0.3)) return callFault()
    // Troubles come together: a broker that is away when a worker is stopped, and so on.
    if (!last || draw.happens(0.7)) last = { slot: worker(), when: undefined }
    last.when ??= when(last.slot)
    return draw.one(known)(last.when, last.slot)
  })
  const replay: Fault[] = draw.happens(0.1) ? [{ what: 'replay', when: { atMs: draw.between(troubleMs >> 1, troubleMs - 1) } }] : []
  const forget = (): Fault => ({ what: 'store-forgets', when: byClock(), lagMs: draw.between(1, leaseMs) })
  const forgetting = forgets ? Array.from({ length: draw.between(1, 2) }, forget) : []
  const failing = (): Fault => ({
    what: 'commits-fail',
    worker: worker(),
    how: draw.one(['conflict', 'unknown']),
    when: { atMs: draw.one([0, draw.between(0, troubleMs - 1)]) },
    // For a while, or for longer than ten tries take.
    forMs: draw.one([whileMs(), 20_000]),
  })
  return [...faults, ...replay, ...forgetting, ...(inside && draw.happens(0.15) ? [failing()] : [])]
}
