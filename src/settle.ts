import { askStore, claimRecord, giveBack } from './claiming.js'
import { countsOf } from './job.js'
import { decide } from './decide.js'
import { endLease, holdLease, renewLease, resumeLease } from './lease.js'
import { becomeKind, kindOf } from './turn.js'
import { leaveUnsettled, marks, reportOverdue, told } from './telling.js'
import { tooLate, within } from './clock.js'
import { tryAgain } from './retry.js'
import type { Again, Job } from './job.js'
import type { MessageHeaders, Origin } from './delivery.js'
import type { Decision, Happened } from './decide.js'
import type { Call } from './effect.js'
import type { Lease } from './lease.js'
import type { Claimed } from './claiming.js'
import type { Named } from './reading.js'
import type { Outcome } from './outcome.js'
import type { Remember } from './store.js'
import type { Tried } from './retry.js'
import type { Turn } from './turn.js'

/** Says that this key is now being handled here, unless it is already. What it answers is to be called with whether its key was recorded. */
export function tryEnterTwins<Message>({ core, pastTwin }: Job<Message>, record: string): ((consumed: boolean) => void) | undefined {
  return pastTwin || !core.twins.has(record) ? core.twins.enter(record) : undefined
}

/** Waits, without taking a place, while the same key is being handled in this process. Answers `consumed` if that ended with the key recorded. */
export async function joinTwins<Message>(job: Job<Message>, record: string): Promise<'consumed' | ((consumed: boolean) => void)> {
  const { core, delivery, session } = job
  for (;;) {
    // Nothing is awaited between looking and entering, or all that wait would go on at once.
    const entered = tryEnterTwins(job, record)
    if (entered) return entered
    const over = session.waitAside()
    const consumed = await within(core.runtime.clock, core.leaseMs, core.twins.ended(record), delivery.signal)
    over()
    if (consumed === true) return 'consumed'
    // Bounded: from now on the store is asked like for any other.
    job.pastTwin = consumed === tooLate
  }
}

/** Claims the key, for as long as it takes; where handlers may run unclaimed, once. */
export function claimFirst<Message>(job: Job<Message>, record: string): Promise<Tried<Claimed>> {
  const { core, delivery, onFault } = job
  return claimRecord(core, record, { signal: delivery.signal, onFault, forMs: core.whenStoreFails === 'run' ? 0 : undefined })
}

/** Finds out whether the handler may run; undefined if so. */
export function whyNot<Message>(job: Job<Message>, tried: Tried<Claimed>, key: string, turn: Turn): Happened | undefined {
  const { core, delivery, session } = job
  job.free()
  if (!tried.done) return core.whenStoreFails === 'run' && !delivery.signal.aborted ? undefined : notStarted
  const claimed = tried.value
  if (claimed.status === 'duplicate') return { what: 'consumed' }
  if (claimed.status === 'busy') return { what: 'busy', retryInMs: claimed.retryInMs }

  const { claim } = claimed
  job.lease = holdLease(core, claim, claimed.sentAt, key)
  if (delivery.signal.aborted || session.graceOver.aborted) return notStarted
  if (delivery.replay && (claim.attempts > 0 || claim.lapses > 0)) return { what: 'replay' }
  if (claim.lapses >= core.maxLapses) return { what: 'killer' }
  const kind = kindOf(claim.lapses)
  return becomeKind(turn, kind) ? undefined : { what: 'suspect', kind }
}

export const notStarted: Happened = { what: 'not-started' }

/** Data, as there is one for each delivery (a class, for the garbage collector's sake: see `Job`). */
export class DeliveredCall<Message> implements Call<Message> {
  readonly message: Message
  readonly key: string
  readonly record: string
  readonly attempt: number
  readonly headers: MessageHeaders
  readonly origin: Origin
  readonly lease: Lease | undefined
  readonly signal: AbortSignal
  readonly graceOver: AbortSignal
  readonly caller = undefined
  readonly abandons = true
  readonly forMs = undefined
  readonly onFault: () => void

  constructor(job: Job<Message>, { key, record, message }: Named & { readonly message: Message }) {
    const { delivery, session, lease, onFault } = job
    const { headers, origin } = delivery.incoming
    this.message = message
    this.key = key
    this.record = record
    this.attempt = countsOf(job).attempts + 1
    this.headers = headers
    this.origin = origin
    this.lease = lease
    this.signal = delivery.signal
    this.graceOver = session.graceOver
    this.onFault = onFault
  }
}

/** Does what the table says. Answers the outcome, or that the delivery stays here and is to be begun again. */
export function carryOut<Message>(job: Job<Message>, happened: Happened): Promise<Outcome | Again> {
  const decision = decide(happened, countsOf(job), job.core, job.waitsForBusy)
  const { settle } = decision
  if (settle.how === 'dead-letter') return setAside(job, decision, settle)
  if (decision.release && job.lease) return releaseFirst(job, job.lease, decision, decision.release, happened)
  return settleNow(job, decision, happened)
}

async function releaseFirst<Message>(
  job: Job<Message>,
  lease: Lease,
  decision: Decision,
  remember: Remember,
  happened: Happened,
): Promise<Outcome | Again> {
  const released = await release(job, lease, remember)
  endLease(lease)
  if (decision.settle.how === 'leave') return told(job, decision)
  // Given up at the end of a stop: the broker delivers it again.
  if (!released.done) return leaveUnsettled(job)
  // A newer claim exists, or the work is done after all: this failure counts no more.
  if (!released.value && decision.outcome === 'retried') return lostAfterAll(job)
  return settleNow(job, decision, happened)
}

function settleNow<Message>(job: Job<Message>, decision: Decision, happened: Happened): Promise<Outcome | Again> {
  const { settle } = decision
  switch (settle.how) {
    case 'ack':
      return ack(job, decision)
    case 'postpone':
      if (happened.what === 'busy') reportOverdue(job)
      return postpone(job, decision, settle)
    case 'again':
      if (decision.outcome === 'retried') told(job, decision)
      return Promise.resolve(settle)
    default:
      return Promise.resolve(told(job, decision))
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
    resumeLease(lease)
    const ours = await askStore(core, { send: renewLease }, lease, { signal: session.graceOver })
    if (!ours.done) return leaveUnsettled(job)
    if (!ours.value) return lostAfterAll(job)
  }
  const marked = marks(job, { attempts, postponements: delivery.postponements, replay: false })
  if (!(await publish(job, () => delivery.deadLetter(reason, marked)))) return leave()
  if (lease && decision.release) await release(job, lease, decision.release)
  return ack(job, decision)
}

async function lostAfterAll<Message>(job: Job<Message>): Promise<Outcome> {
  if (job.lease) endLease(job.lease)
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
function release<Message>({ core, session }: Job<Message>, lease: Lease, remember: Remember): ReturnType<typeof giveBack> {
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

async function ack<Message>(job: Job<Message>, decision: Decision): Promise<Outcome> {
  const { core, delivery } = job
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
  return told(job, decision)
}
