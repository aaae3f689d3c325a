/** Which sentence of the guarantee allows that a run's effect was not the only one of its message. */
import type { Run } from './runs.js'

/** What was done to a worker. */
export interface Hit {
  readonly worker: string
  readonly how: 'killed' | 'stalled' | 'stopped'
  readonly fromMs: number
  readonly toMs: number
}

/** A time in which workers could not reach their store, or it did not answer. */
export interface Outage {
  readonly fromMs: number
  readonly toMs: number
}

export interface Circumstances {
  readonly hits: readonly Hit[]
  readonly outages: readonly Outage[]
  /** How long a claim outlives the last renewal. */
  readonly leaseMs: number
}

export const died = 'the process died between the effect and its record'
export const stalled = 'the process stalled between the effect and its record, or right before the effect'
export const late = 'the record could not be made before the lease ran out: the store was away'

/** Undefined when nothing allows it: the run should have been the only one. */
export function excuseOf(run: Run, { hits, outages, leaseMs }: Circumstances): string | undefined {
  if (run.effectMs === undefined) return undefined
  const endMs = run.told?.atMs ?? Number.POSITIVE_INFINITY
  const mine = hits.filter(({ worker }) => worker === run.worker)
  // It completed as the holder of the newest claim, and every later delivery must have found that.
  if (run.told?.outcome === 'handled') return undefined
  if (run.told === undefined && mine.some(({ how, fromMs }) => how !== 'stalled' && fromMs >= run.beganMs)) return died
  if (mine.some(({ how, fromMs, toMs }) => how === 'stalled' && fromMs <= endMs && toMs >= run.beganMs)) return stalled
  const ends = ['lease-lost', 'unrecorded']
  // What was lost in an outage shows when it is over: the next answer may come up to a lease later.
  const wasAway = outages.some(({ fromMs, toMs }) => fromMs <= endMs && toMs + leaseMs >= run.beganMs)
  return run.told && ends.includes(run.told.outcome) && wasAway ? late : undefined
}

/** Whether a run may have begun after the message had been told as handled: its claim was older, and the process stalled before the handler began. */
export function mayBeginLate(run: Run, { hits }: Circumstances): boolean {
  return hits.some(
    ({ worker, how, fromMs, toMs }) => worker === run.worker && how === 'stalled' && fromMs <= run.beganMs && toMs >= run.beganMs - 1_000,
  )
}
