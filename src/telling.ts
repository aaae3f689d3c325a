import { countsOf } from './job.js'
import type { Decision } from './decide.js'
import type { Job } from './job.js'
import type { Marks } from './delivery.js'
import type { Outcome } from './outcome.js'

/** Tells the outcome to whoever listens. */
export function told<Message>(job: Job<Message>, { settle, outcome, error }: Decision): Outcome {
  const { core, read, arrivedAt, delivery } = job
  const base = {
    scope: core.scope,
    key: 'key' in read ? read.key : undefined,
    attempts: 'attempts' in settle ? settle.attempts : countsOf(job).attempts,
    postponements: settle.how === 'postpone' ? settle.postponements : delivery.postponements,
    tookMs: core.runtime.clock.now() - arrivedAt,
  }
  const outcomeTold = outcomeOf(base, outcome, settle, error)
  core.hooks.outcome(outcomeTold)
  return outcomeTold
}

function outcomeOf(
  base: Pick<Outcome, 'scope' | 'key' | 'attempts' | 'postponements' | 'tookMs'>,
  status: Outcome['status'],
  settle: Decision['settle'],
  error: unknown,
): Outcome {
  const delayMs = settle.how === 'postpone' ? settle.delayMs : settle.how === 'again' ? settle.afterMs : 0
  switch (status) {
    case 'postponed':
      return { ...base, status, delayMs }
    case 'retried':
      return { ...base, status, delayMs, error }
    case 'dead-lettered':
      return { ...base, status, reason: settle.how === 'dead-letter' ? settle.reason : '', error }
    case 'unrecorded':
      return { ...base, status, error }
    default:
      // Written out, as nearly all end here, and a copy takes longer than all the rest of telling.
      return { status, scope: base.scope, key: base.key, attempts: base.attempts, postponements: base.postponements, tookMs: base.tookMs }
  }
}

/** Left to the broker, which delivers it again. */
export function leaveUnsettled<Message>(job: Job<Message>): Outcome {
  return told(job, { settle: { how: 'leave' }, outcome: 'unsettled' })
}

/** A key that is busy for ever is nobody's failure, but somebody should know. */
export function reportOverdue<Message>({ core, read, delivery }: Job<Message>): void {
  if (delivery.waitedMs < core.overdueMs || !('key' in read)) return
  core.hooks.trouble({
    kind: 'overdue',
    scope: core.scope,
    key: read.key,
    message: `A message has been put off as busy for ${Math.round(delivery.waitedMs / 1_000)} s: ${read.record}`,
  })
}

/** What a copy or a dead letter of this delivery carries. */
export function marks<Message>(
  { core, read, delivery }: Job<Message>,
  told: { attempts: number; postponements: number; replay: boolean },
): Marks {
  return {
    scope: core.scope,
    key: 'key' in read ? read.key : undefined,
    attempts: told.attempts,
    postponements: told.postponements,
    replay: told.replay && delivery.replay,
  }
}
