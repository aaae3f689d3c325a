import { isUnclaimed } from './property.js'
import type { Facts, RunFact } from '../facts.js'
import type { Property } from './property.js'

/** Done twice only where the guarantees say so. */
export const doubling: readonly Property[] = [
  {
    name: 'twice-only-for-a-reason',
    sentence:
      'A key takes effect a second time within its window only where the guarantees name the reason; in an inbox only where the store forgot.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'effect') return
      const second = facts.runs.find(happening.run)
      if (!second) return
      for (const first of earlierEffects(facts, second)) {
        if (whyTwice(facts, first, second) !== undefined) continue
        violate(
          `${second.worker} has the effect of ${second.key} for ${second.message}, which ${first.worker} had for ${first.message} before`,
        )
      }
    },
  },
]

/** The other runs of the same key that have had their effect. */
export function earlierEffects(facts: Facts, second: RunFact): readonly RunFact[] {
  return facts.runs.ofKey(second.key).filter((run) => run !== second && run.effectAtMs !== undefined)
}

/** Why the second effect was allowed, after the first; undefined where it was not. */
export function whyTwice(facts: Facts, first: RunFact, second: RunFact): string | undefined {
  const { windowMs, leaseMs } = facts.plan.settings
  const recordedAtMs = first.recordedAtMs
  const { startedAtMs } = second
  // Its claim is a little older than the run.
  if (facts.forgotAtMs.some((atMs) => atMs >= first.startedAtMs - leaseMs)) return 'the store forgot'
  if (isUnclaimed(facts, first.token) || isUnclaimed(facts, second.token)) return 'it ran unclaimed while the store was away'
  if (recordedAtMs !== undefined && recordedAtMs <= startedAtMs)
    return startedAtMs >= recordedAtMs + windowMs - 1 ? 'the window was over' : undefined
  if (second.token === undefined && recordedAtMs !== undefined) return undefined
  // Both were under way: whoever was claimed earlier went on without its claim. Else the first one was not recorded.
  return recordedAtMs === undefined ? whyUnrecorded(facts, first) : (whyUnclaimed(facts, second) ?? whyUnclaimed(facts, first))
}

function whyUnrecorded(facts: Facts, run: RunFact): string | undefined {
  const crashed = facts.worker(run.worker)?.crashed
  if (run.ended && run.ended.how !== 'returned') return 'its handler threw after its effect'
  const because = whyUnclaimed(facts, run)
  if (because !== undefined) return because
  return crashed ? 'its process died before it was recorded' : undefined
}

/** Why a run no longer had its key. */
function whyUnclaimed(facts: Facts, run: RunFact): string | undefined {
  if (run.leftAloneAtMs !== undefined) return 'its handler ran on after its time, or after the grace time of a stop'
  const worker = facts.worker(run.worker)
  if (worker?.crashed) return 'its process died before it was recorded'
  const lapse = facts.lapses.find(({ key, before }) => key === run.key && before.token === run.token)
  if (lapse) return 'its lease ended before it was recorded'
  const handedBack = worker?.stoppingAtMs !== undefined
  return handedBack ? 'its handler ran on after its time, or after the grace time of a stop' : undefined
}
