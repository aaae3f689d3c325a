import { LeaseLostError } from './errors.js'
import { answerOf } from './retry.js'
import type { Core } from './core.js'
import type { Deadline } from './deadlines.js'
import type { Followed } from './outage.js'
import type { Claim } from './store.js'

/**
 * A claim that is kept while its handler runs.
 *
 * The store's clock decides whether a lease is over. The local clock only says when we may no longer be sure of it: a lease counted from
 * the moment before the claim, or the last renewal that succeeded, was sent. The handler is told then. Renewing goes on all the same, as
 * nobody may have taken the key.
 *
 * Data, and functions that take it: there is one for each delivery, and most are over long before anything is to be done for them (a class, for the garbage
 * collector's sake: see `Job`).
 */
export class Lease {
  renewing = true
  /** Whether a renewal was refused: a newer claim exists, or the record is gone. */
  superseded = false
  lost: LeaseLostError | undefined = undefined
  /** Told when the claim is no longer surely ours. */
  listener: ((error: LeaseLostError) => void) | undefined = undefined
  asking = false
  followed: Followed | undefined = undefined
  /** While nothing is amiss: the next renewal. */
  deadline: Deadline<Lease> | undefined = undefined
  /** Ends the timer of one that is being asked for, or has failed. */
  cancel: (() => void) | undefined = undefined
  surelyUntil: number
  nextTry: number
  readonly core: Core
  readonly claim: Claim
  readonly key: string

  constructor(core: Core, claim: Claim, sentAt: number, key: string) {
    this.core = core
    this.claim = claim
    this.key = key
    this.surelyUntil = sentAt + core.leaseMs
    this.nextTry = sentAt + core.leaseMs / renewalsPerLease
  }
}

/** How often a lease is renewed before it would end. */
const renewalsPerLease = 3

export function holdLease(core: Core, claim: Claim, sentAt: number, key: string): Lease {
  const lease = new Lease(core, claim, sentAt, key)
  arm(lease)
  return lease
}

/** Calls `listener` when the claim is no longer surely ours; at once if that is so already. */
export function whenLost(lease: Lease, listener: (error: LeaseLostError) => void): void {
  lease.listener = listener
  if (lease.lost) listener(lease.lost)
}

/** Looks at the clock now: a process that was stopped goes on before its timers do. */
export function lookAt(lease: Lease): void {
  if (lease.renewing && !lease.lost && lease.core.runtime.clock.now() >= lease.surelyUntil) wakeLease(lease)
}

/** Renews now; whether it is still ours. Rejects when the store does not say. */
export async function renewLease(lease: Lease): Promise<boolean> {
  const { core, claim } = lease
  const now = core.runtime.clock.now()
  const renewed = await answerOf(core.answering, core.store.renew(claim, core.leaseMs), now)
  if (renewed) {
    lease.surelyUntil = now + core.leaseMs
    lease.nextTry = now + core.leaseMs / renewalsPerLease
  } else if (lease.renewing) {
    lease.superseded = true
    lose(lease, `The claim on ${claim.record} is superseded: its lease ended, and another was made`)
  }
  return renewed
}

/** No renewals any more, or until `resumeLease`. The claim itself stays as it is. */
export function endLease(lease: Lease): void {
  lease.renewing = false
  lease.followed?.givenUp()
  disarm(lease)
}

export function resumeLease(lease: Lease): void {
  lease.renewing = true
  arm(lease)
}

/** Its next renewal is due, or it is over. */
export function wakeLease(lease: Lease): void {
  const { core, claim, key } = lease
  const now = core.runtime.clock.now()
  if (now >= lease.surelyUntil && !lease.lost) {
    lose(lease, `The claim on ${claim.record} could not be renewed within its lease of ${core.leaseMs} ms (option leaseMs)`)
    core.hooks.trouble({ kind: 'renewal-late', scope: core.scope, key, message: `A claim could not be renewed in time: ${claim.record}` })
  }
  if (!lease.asking && now >= lease.nextTry) void ask(lease)
  // Also while the store is being asked: it may never answer.
  arm(lease)
}

async function ask(lease: Lease): Promise<void> {
  const { outage, runtime, leaseMs } = lease.core
  lease.asking = true
  try {
    if (!(await renewLease(lease))) endLease(lease)
    outage.succeeded(lease.followed)
  } catch (error) {
    lease.nextTry = runtime.clock.now() + Math.min(1_000, leaseMs / 10)
    if (lease.renewing) (lease.followed ??= outage.follow()).fault(error)
  }
  lease.asking = false
  arm(lease)
}

function lose(lease: Lease, message: string): void {
  if (lease.lost) return
  lease.lost = new LeaseLostError(message)
  lease.listener?.(lease.lost)
}

function arm(lease: Lease): void {
  disarm(lease)
  const { renewing, asking, lost, surelyUntil, nextTry, core } = lease
  if (!renewing) return
  if (!asking && !lost && nextTry < surelyUntil) {
    lease.deadline = core.renewals.set(lease, nextTry)
    return
  }
  const next = Math.min(lost ? Number.POSITIVE_INFINITY : surelyUntil, asking ? Number.POSITIVE_INFINITY : nextTry)
  if (next === Number.POSITIVE_INFINITY) return
  const { clock } = core.runtime
  lease.cancel = clock.schedule(Math.max(0, next - clock.now()), () => wakeLease(lease))
}

function disarm(lease: Lease): void {
  if (lease.deadline) lease.core.renewals.callOff(lease.deadline)
  lease.cancel?.()
  lease.deadline = lease.cancel = undefined
}
