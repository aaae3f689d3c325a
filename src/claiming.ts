import { StoreAwayError, messageOf } from './errors.js'
import { keepTrying } from './retry.js'
import type { Claim, ClaimOptions, ClaimResult, Remember } from './store.js'
import type { Core } from './core.js'
import type { Tried } from './retry.js'

/** A claim, with the local moment from which its lease is counted: before the call was sent, as it may have waited on its way. */
export type Claimed =
  Exclude<ClaimResult, { status: 'claimed' }> | { readonly status: 'claimed'; readonly claim: Claim; readonly sentAt: number }

export interface ClaimingOptions {
  readonly signal?: AbortSignal | undefined
  readonly forMs?: number | undefined
  readonly onFault?: ((error: unknown) => void) | undefined
}

/** One claim on its way: plain data, as there is one for each delivery. */
interface Claiming {
  readonly core: Core
  readonly record: string
  readonly options: ClaimOptions
  /** When it was sent last, by the local clock. */
  sentAt: number
  /** Whether anybody waits for it still. */
  waitedFor: boolean
  /** The token of the claim that was believed, if one was. */
  ours: number | undefined
  /** What came too late, before it was known whether it is the one that is believed. */
  late: Claim[] | undefined
}

/**
 * Claims a record, again and again with the same nonce while the store is away: an answer that was lost is given again. An answer that comes
 * after we gave up, and says that we hold the record, is undone, or everybody would wait for a lease that nobody keeps.
 */
export async function claimRecord(core: Core, record: string, options: ClaimingOptions): Promise<Tried<Claimed>> {
  const { runtime, leaseMs, windowMs } = core
  const claiming: Claiming = {
    core,
    record,
    options: { nonce: runtime.random.nonce(), leaseMs, memoryMs: windowMs },
    sentAt: 0,
    waitedFor: true,
    ours: undefined,
    late: undefined,
  }
  for (;;) {
    const tried = await askStore(core, claimOnce, claiming, options)
    const claim = tried.done && tried.value.status === 'claimed' ? tried.value.claim : undefined
    // Read after a stall: its lease may be over. Asking again says whose the record is now, and restarts the lease if it is still ours.
    if (claim && runtime.clock.now() - claiming.sentAt > core.storeTimeoutMs) continue
    claiming.waitedFor = false
    claiming.ours = claim?.token
    claiming.late?.forEach((each) => undo(claiming, each))
    return claim ? { done: true, value: { status: 'claimed', claim, sentAt: claiming.sentAt } } : (tried as Tried<Claimed>)
  }
}

function claimOnce(claiming: Claiming, now: number): Promise<ClaimResult> {
  const { core, record, options } = claiming
  claiming.sentAt = now
  return core.answer(core.store.claim(record, options), now, (result) => {
    if (result.status !== 'claimed') return
    if (claiming.waitedFor) (claiming.late ??= []).push(result.claim)
    else undo(claiming, result.claim)
  })
}

function undo({ core, ours }: Claiming, claim: Claim): void {
  if (claim.token !== ours) giveBackLater(core, claim)
}

function giveBackLater(core: Core, claim: Claim): void {
  void giveBack(core, claim, { attempts: claim.attempts, lapses: claim.lapses, restMs: 0 }, { forMs: core.leaseMs })
}

/** Releases a claim, trying until the store answers or `options` end it. The value is false when the claim was completed or superseded meanwhile. */
export function giveBack(core: Core, claim: Claim, remember: Remember, options: ClaimingOptions): Promise<Tried<boolean>> {
  return askStore(core, (_claim, now) => core.answer(core.store.release(claim, remember), now), claim, options)
}

/** Records the work of a claim as done, trying for `recordTimeoutMs`. The value is false when a newer claim exists. */
export function recordConsumed(
  core: Core,
  claim: Claim,
  signal?: AbortSignal,
  onFault?: (error: unknown) => void,
): Promise<Tried<boolean>> {
  const complete = (_claim: Claim, now: number): Promise<boolean> => core.answer(core.store.complete(claim, core.windowMs), now)
  return askStore(core, complete, claim, { signal, onFault, forMs: core.recordTimeoutMs })
}

/** Does a step until it comes through, or `options` end it, and keeps count of the outage. The step is told the time at which it begins. */
export async function askStore<Of, Value>(
  core: Core,
  step: (of: Of, now: number) => Promise<Value>,
  of: Of,
  options: ClaimingOptions,
): Promise<Tried<Value>> {
  const begun = core.runtime.clock.now()
  try {
    const value = await step(of, begun)
    core.outage.succeeded(undefined)
    return { done: true, value }
  } catch (error) {
    return keepAsking(core, (now) => step(of, now), options, { begun, error })
  }
}

async function keepAsking<Value>(
  { runtime, outage }: Core,
  step: (now: number) => Promise<Value>,
  options: ClaimingOptions,
  first: { readonly begun: number; readonly error: unknown },
): Promise<Tried<Value>> {
  const followed = outage.follow()
  const onFault = (error: unknown): void => {
    followed.fault(error)
    options.onFault?.(error)
  }
  onFault(first.error)
  const tried = await keepTrying(runtime, step, { ...options, onFault }, first)
  if (tried.done) outage.succeeded(followed)
  else followed.givenUp()
  return tried
}

/** The error of a layer that has nobody to hold the message for it. */
export function storeAway(record: string, error: unknown): StoreAwayError {
  return new StoreAwayError(`Nothing could be claimed for ${record}, as the store is away: ${messageOf(error)}`, { cause: error })
}
