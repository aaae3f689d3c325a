import { askStore, claimRecord, giveBack } from './claiming.js'
import { countsOf } from './job.js'
import { decide } from './decide.js'
import { holdLease } from './lease.js'
import { kindOf } from './turn.js'
import { leaveUnsettled, marks, reportOverdue, told } from './telling.js'
import { tooLate, within } from './clock.js'
import { tryAgain } from './retry.js'
import type { Again, Job } from './job.js'
import type { Decision, Happened } from './decide.js'
import type { Effect } from './effect.js'
import type { Lease } from './lease.js'
import type { Named } from './reading.js'
import type { Outcome } from './outcome.js'
import type { Turn } from './turn.js'

/**
 * Waits, without taking a place, while the same key is being handled in this process. Answers `consumed` if that ended with the key recorded; else
 * this one is now being handled, and what it answers is to be called with whether its key was.
 */
export async function joinTwins<Message>(job: Job<Message>, record: string): Promise<'consumed' | ((consumed: boolean) => void)> {
  const { core, delivery, session } = job
  for (;;) {
    const twin = job.pastTwin ? undefined : core.twins.find(record)
    // Nothing is awaited between looking and entering, or all that wait would go on at once.
    if (!twin) return core.twins.enter(record)
    const over = session.waitAside()
    const consumed = await within(core.runtime.clock, core.leaseMs, twin, delivery.signal)
    over()
    if (consumed === true) return 'consumed'
    // Bounded: from now on the store is asked like for any other.
    job.pastTwin = consumed === tooLate
  }
}

/** Claims the key, finds out whether the handler may run, and runs it. */
export async function claimAndRun<Message, Value>(
  job: Job<Message>,
  effect: Effect<Message, Value>,
  { key, record, message }: Named & { readonly message: Message },
  turn: Turn,
): Promise<Happened> {
  const { core, delivery, session } = job
  const onFault = (): void => {
    job.free()
    job.free = session.hold()
  }
  const run = async (): Promise<Happened> => {
    const { happened } = await effect.run({
      message,
      key,
      record,
      attempt: countsOf(job).attempts + 1,
      headers: delivery.incoming.headers,
      origin: delivery.incoming.origin,
      lease: job.lease,
      signal: delivery.signal,
      graceOver: session.graceOver,
      caller: undefined,
      abandons: true,
      forMs: undefined,
      onFault,
    })
    return happened
  }

  if (!effect.claimsFirst(delivery.redelivered)) return run()
  const tried = await claimRecord(core, record, { signal: delivery.signal, onFault, ...(core.whenStoreFails === 'run' && { forMs: 0 }) })
  job.free()
  if (!tried.done) return core.whenStoreFails === 'run' && !delivery.signal.aborted ? run() : { what: 'not-started' }
  const claimed = tried.value
  if (claimed.status === 'duplicate') return { what: 'consumed' }
  if (claimed.status === 'busy') return { what: 'busy', retryInMs: claimed.retryInMs }

  const { claim } = claimed
  job.lease = holdLease(core, claim, claimed.sentAt, key)
  if (delivery.signal.aborted || session.graceOver.aborted) return { what: 'not-started' }
  if (delivery.replay && (claim.attempts > 0 || claim.lapses > 0)) return { what: 'replay' }
  if (claim.lapses >= core.maxLapses) return { what: 'killer' }
  const kind = kindOf(claim.lapses)
  if (!turn.become(kind)) return { what: 'suspect', kind }
  return run()
}

/** Does what the table says. Answers the outcome, or that the delivery stays here and is to be begun again. */
export async function carryOut<Message>(job: Job<Message>, happened: Happened): Promise<Outcome | Again> {
  const decision = decide(happened, countsOf(job), job.core, job.waitsForBusy)
  const { settle } = decision
  if (settle.how === 'dead-letter') return setAside(job, decision, settle)

  if (decision.release && job.lease) {
    const released = await release(job, job.lease, decision.release)
    job.lease.end()
    if (settle.how === 'leave') return told(job, decision)
    // Given up at the end of a stop: the broker delivers it again.
    if (!released.done) return leaveUnsettled(job)
    // A newer claim exists, or the work is done after all: this failure counts no more.
    if (!released.value && decision.outcome === 'retried') return lostAfterAll(job)
  }
  switch (settle.how) {
    case 'ack':
      await ack(job)
      return told(job, decision)
    case 'postpone':
      if (happened.what === 'busy') reportOverdue(job)
      return postpone(job, decision, settle)
    case 'leave':
      return told(job, decision)
    case 'again':
      if (decision.outcome === 'retried') told(job, decision)
      return settle
  }
}

/** For what never stays in place. */
export async function finish<Message>(
  job: Job<Message>,
  happened: Extract<Happened, { what: 'unreadable' | 'consumed' }>,
): Promise<Outcome> {
  const carried = await carryOut(job, happened)
  return 'status' in carried ? carried : leaveUnsettled(job)
}

/** The dead letter is confirmed, then the record forgets, then the original is acked: after a crash in between it is set aside again, not lost. */
async function setAside<Message>(
  job: Job<Message>,
  decision: Decision,
  { reason, attempts }: Extract<Decision['settle'], { how: 'dead-letter' }>,
): Promise<Outcome> {
  const { core, delivery, lease, session } = job
  // Whoever has it next is to know how often it has failed: with one failure more it is set aside there.
  const leave = async (): Promise<Outcome> => {
    if (lease) await release(job, lease, { attempts, lapses: countsOf(job).lapses, restMs: 0 })
    return leaveUnsettled(job)
  }
  if (delivery.takenAway) return leave()
  if (lease) {
    // Only who holds the key may set its message aside; and it stays held while that is being published.
    lease.resume()
    const ours = await askStore(core, () => lease.renew(), { signal: session.graceOver })
    if (!ours.done) return leaveUnsettled(job)
    if (!ours.value) return lostAfterAll(job)
  }
  const marked = marks(job, { attempts, postponements: delivery.postponements, replay: false })
  if (!(await publish(job, () => delivery.deadLetter(reason, marked)))) return leave()
  if (lease && decision.release) await release(job, lease, decision.release)
  await ack(job)
  return told(job, decision)
}

async function lostAfterAll<Message>(job: Job<Message>): Promise<Outcome> {
  job.lease?.end()
  const { settle, outcome } = decide({ what: 'threw', error: undefined, cut: 'lost' }, countsOf(job), job.core)
  if (settle.how !== 'postpone') return told(job, { settle, outcome })
  return postpone(job, { settle, outcome }, settle)
}

async function postpone<Message>(
  job: Job<Message>,
  decision: Decision,
  settle: Extract<Decision['settle'], { how: 'postpone' }>,
): Promise<Outcome> {
  const published = await publish(job, () => job.delivery.postpone(settle.delayMs, marks(job, settle)))
  return published && !job.delivery.takenAway ? told(job, decision) : leaveUnsettled(job)
}

/** Tried until the store answers, lease over or not; only the end of a stop's grace time ends it. */
function release<Message>(
  { core, session }: Job<Message>,
  lease: Lease,
  remember: NonNullable<Decision['release']>,
): ReturnType<typeof giveBack> {
  return giveBack(core, lease.claim, remember, { signal: session.graceOver })
}

/** Publishes until it is confirmed, or the end of a stop's grace time; whether it was. Nothing is acked before. */
async function publish<Message>(job: Job<Message>, send: () => Promise<void>): Promise<boolean> {
  const { core, session, read } = job
  let failed = false
  const tried = await tryAgain(core.runtime, send, {
    signal: session.graceOver,
    onFault(error) {
      if (failed) return
      failed = true
      job.free()
      job.free = session.hold()
      core.hooks.trouble({
        kind: 'publish-failed',
        scope: core.scope,
        key: 'key' in read ? read.key : undefined,
        error,
        message: 'A copy or a dead letter was not confirmed. The original is kept, and it is tried again.',
      })
    },
  })
  job.free()
  return tried.done
}

async function ack<Message>({ core, delivery }: Job<Message>): Promise<void> {
  try {
    await delivery.ack()
  } catch (error) {
    core.hooks.trouble({
      kind: 'ack-failed',
      scope: core.scope,
      error,
      message: 'An ack did not get through. The broker will deliver the message again.',
    })
  }
}
