import { LeaseLostError } from './errors.js'
import { answerWithin } from './retry.js'
import type { Core } from './core.js'
import type { Followed } from './outage.js'
import type { Claim } from './store.js'

/**
 * Keeps a claim while its handler runs.
 *
 * The store's clock decides whether a lease is over. The local clock only says when we may no longer be sure of it: a lease counted from
 * the moment before the claim, or the last renewal that succeeded, was sent. The handler is told then. Renewing goes on all the same, as
 * nobody may have taken the key.
 */
export interface Lease {
  readonly claim: Claim
  /** Whether a renewal was refused: a newer claim exists, or the record is gone. */
  readonly superseded: boolean
  /** Calls `listener` when the claim is no longer surely ours; at once if that is so already. */
  whenLost(listener: (error: LeaseLostError) => void): void
  /** Looks at the clock now: a process that was stopped goes on before its timers do. */
  look(): void
  /** Renews now; whether it is still ours. Rejects when the store does not say. */
  renew(): Promise<boolean>
  /** No renewals any more, or until `resume`. The claim itself stays as it is. */
  end(): void
  resume(): void
}

export function holdLease(core: Core, claim: Claim, sentAt: number, key: string): Lease {
  const { clock } = core.runtime
  const everyMs = core.leaseMs / 3
  let surelyUntil = sentAt + core.leaseMs
  let nextTry = sentAt + everyMs
  let renewing = true
  let superseded = false
  let lost: LeaseLostError | undefined
  let listener: ((error: LeaseLostError) => void) | undefined
  let asking = false
  let followed: Followed | undefined
  let cancel = (): void => undefined

  const lose = (message: string): void => {
    if (lost) return
    lost = new LeaseLostError(message)
    listener?.(lost)
  }
  const renew = async (): Promise<boolean> => {
    const now = clock.now()
    const renewed = await answerWithin(core.runtime, core.storeTimeoutMs, () => core.store.renew(claim, core.leaseMs))
    if (renewed) {
      surelyUntil = now + core.leaseMs
      nextTry = now + everyMs
    } else if (renewing) {
      superseded = true
      lose(`The claim on ${claim.record} is superseded: its lease ended, and another was made`)
    }
    return renewed
  }
  const ask = async (): Promise<void> => {
    asking = true
    try {
      if (!(await renew())) end()
      core.outage.succeeded(followed)
    } catch (error) {
      nextTry = clock.now() + Math.min(1_000, core.leaseMs / 10)
      if (renewing) (followed ??= core.outage.follow()).fault(error)
    }
    asking = false
    arm()
  }
  const wake = (): void => {
    const now = clock.now()
    if (now >= surelyUntil && !lost) {
      lose(`The claim on ${claim.record} could not be renewed within its lease of ${core.leaseMs} ms (option leaseMs)`)
      core.hooks.trouble({ kind: 'renewal-late', scope: core.scope, key, message: `A claim could not be renewed in time: ${claim.record}` })
    }
    if (!asking && now >= nextTry) void ask()
    // Also while the store is being asked: it may never answer.
    arm()
  }
  const arm = (): void => {
    cancel()
    if (!renewing) return
    const next = Math.min(lost ? Number.POSITIVE_INFINITY : surelyUntil, asking ? Number.POSITIVE_INFINITY : nextTry)
    if (next < Number.POSITIVE_INFINITY) cancel = clock.schedule(Math.max(0, next - clock.now()), wake)
  }
  const end = (): void => {
    renewing = false
    followed?.givenUp()
    cancel()
  }
  arm()

  return {
    claim,
    get superseded() {
      return superseded
    },
    whenLost(told) {
      listener = told
      if (lost) told(lost)
    },
    look() {
      if (renewing && !lost && clock.now() >= surelyUntil) wake()
    },
    renew,
    resume() {
      renewing = true
      arm()
    },
    end,
  }
}
