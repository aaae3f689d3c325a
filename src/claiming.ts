import { StoreAwayError, messageOf } from './errors.js'
import { answerWithin, tryAgain } from './retry.js'
import type { Claim, ClaimResult, Remember } from './store.js'
import type { Core } from './core.js'
import type { Followed } from './outage.js'
import type { Tried } from './retry.js'

/** A claim, with the local moment from which its lease is counted: before the call was sent, as it may have waited on its way. */
export type Claimed =
  Exclude<ClaimResult, { status: 'claimed' }> | { readonly status: 'claimed'; readonly claim: Claim; readonly sentAt: number }

export interface ClaimingOptions {
  readonly signal?: AbortSignal | undefined
  readonly forMs?: number | undefined
  readonly onFault?: ((error: unknown) => void) | undefined
}

/**
 * Claims a record, again and again with the same nonce while the store is away: an answer that was lost is given again. An answer that comes
 * after we gave up, and says that we hold the record, is undone, or everybody would wait for a lease that nobody keeps.
 */
export async function claimRecord(core: Core, record: string, options: ClaimingOptions): Promise<Tried<Claimed>> {
  const { runtime, store, leaseMs, windowMs } = core
  const nonce = runtime.random.nonce()
  let over = false
  let ours: number | undefined
  const late = (result: ClaimResult): void => {
    const undo = (): void => {
      if (result.status === 'claimed' && result.claim.token !== ours) giveBackLater(core, result.claim)
    }
    if (over) undo()
    else lateResults.push(undo)
  }
  const lateResults: (() => void)[] = []

  const tried = await askStore<Claimed>(
    core,
    async () => {
      const sentAt = runtime.clock.now()
      const result = await answerWithin(
        runtime,
        core.storeTimeoutMs,
        () => store.claim(record, { nonce, leaseMs, memoryMs: windowMs }),
        late,
      )
      if (result.status !== 'claimed') return result
      // Read after a stall: its lease may be over. Asking again says whose the record is now, and restarts the lease if it is still ours.
      if (runtime.clock.now() - sentAt > core.storeTimeoutMs)
        throw new StoreAwayError('The answer to a claim was read too late to be relied on')
      return { status: 'claimed', claim: result.claim, sentAt }
    },
    options,
  )
  over = true
  if (tried.done && tried.value.status === 'claimed') ours = tried.value.claim.token
  for (const undo of lateResults) undo()
  return tried
}

function giveBackLater(core: Core, claim: Claim): void {
  void giveBack(core, claim, { attempts: claim.attempts, lapses: claim.lapses, restMs: 0 }, { forMs: core.leaseMs })
}

/** Releases a claim, trying until the store answers or `options` end it. The value is false when the claim was completed or superseded meanwhile. */
export function giveBack(core: Core, claim: Claim, remember: Remember, options: ClaimingOptions): Promise<Tried<boolean>> {
  return askStore(core, () => answerWithin(core.runtime, core.storeTimeoutMs, () => core.store.release(claim, remember)), options)
}

/** Records the work of a claim as done, trying for `recordTimeoutMs`. The value is false when a newer claim exists. */
export function recordConsumed(core: Core, claim: Claim, options: Omit<ClaimingOptions, 'forMs'> = {}): Promise<Tried<boolean>> {
  const complete = (): Promise<boolean> => answerWithin(core.runtime, core.storeTimeoutMs, () => core.store.complete(claim, core.windowMs))
  return askStore(core, complete, { ...options, forMs: core.recordTimeoutMs })
}

/** Does a step until it comes through, or `options` end it, and keeps count of the outage. */
export async function askStore<Value>(
  { runtime, outage }: Core,
  step: () => Promise<Value>,
  options: ClaimingOptions,
): Promise<Tried<Value>> {
  let followed: Followed | undefined
  const tried = await tryAgain(runtime, step, {
    ...options,
    onFault(error) {
      followed ??= outage.follow()
      followed.fault(error)
      options.onFault?.(error)
    },
  })
  if (tried.done) outage.succeeded(followed)
  else followed?.givenUp()
  return tried
}

/** The error of a layer that has nobody to hold the message for it. */
export function storeAway(record: string, error: unknown): StoreAwayError {
  return new StoreAwayError(`Nothing could be claimed for ${record}, as the store is away: ${messageOf(error)}`, { cause: error })
}
