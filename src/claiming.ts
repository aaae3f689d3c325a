import { StoreAwayError, messageOf } from './errors.js'
import { answerOf, keepTrying } from './retry.js'
import type { Claim, ClaimOptions, ClaimResult, Remember, Store } from './store.js'
import type { Core } from './core.js'
import type { Asked, Tried } from './retry.js'

/** A claim, with the local moment from which its lease is counted: before the call was sent, as it may have waited on its way. */
export type Claimed =
  Exclude<ClaimResult, { status: 'claimed' }> | { readonly status: 'claimed'; readonly claim: Claim; readonly sentAt: number }

export interface ClaimingOptions {
  readonly signal?: AbortSignal | undefined
  readonly forMs?: number | undefined
  readonly onFault?: ((error: unknown) => void) | undefined
}

/** One claim on its way: data, as there is one for each delivery (a class, for the garbage collector's sake: see `Job`). */
class Claiming {
  /** When it was sent last, by the local clock. */
  sentAt = 0
  /** Whether anybody waits for it still. */
  waitedFor = true
  /** The token of the claim that was believed, if one was. */
  ours: number | undefined = undefined
  /** What came too late, before it was known whether it is the one that is believed. */
  late: Claim[] | undefined = undefined
  readonly core: Core
  readonly record: string
  readonly options: ClaimOptions

  constructor(core: Core, record: string) {
    this.core = core
    this.record = record
    this.options = { nonce: core.runtime.random.nonce(), leaseMs: core.leaseMs, memoryMs: core.windowMs }
  }
}

/**
 * Claims a record, again and again with the same nonce while the store is away: an answer that was lost is given again. An answer that comes
 * after we gave up, and says that we hold the record, is undone, or everybody would wait for a lease that nobody keeps.
 */
export function claimRecord(core: Core, record: string, options: ClaimingOptions): Promise<Tried<Claimed>> {
  const claiming = new Claiming(core, record)
  const conclude = (tried: Tried<ClaimResult>): Tried<Claimed> | Promise<Tried<Claimed>> => {
    const claim = tried.done && tried.value.status === 'claimed' ? tried.value.claim : undefined
    // Read after a stall: its lease may be over. Asking again says whose the record is now, and restarts the lease if it is still ours.
    if (claim && core.runtime.clock.now() - claiming.sentAt > core.storeTimeoutMs)
      return askStore(core, claimStep, claiming, options).then(conclude)
    claiming.waitedFor = false
    claiming.ours = claim?.token
    claiming.late?.forEach((each) => undo(claiming, each))
    return claim ? { done: true, value: { status: 'claimed', claim, sentAt: claiming.sentAt } } : (tried as Tried<Claimed>)
  }
  return askStore(core, claimStep, claiming, options).then(conclude)
}

const claimStep: Step<Claiming, ClaimResult> = {
  send(claiming, now) {
    claiming.sentAt = now
    return claiming.core.store.claim(claiming.record, claiming.options)
  },
  late(claiming, result) {
    if (result.status !== 'claimed') return
    if (claiming.waitedFor) (claiming.late ??= []).push(result.claim)
    else undo(claiming, result.claim)
  },
}

function undo({ core, ours }: Claiming, claim: Claim): void {
  if (claim.token !== ours) giveBackLater(core, claim)
}

function giveBackLater(core: Core, claim: Claim): void {
  void giveBack(core, claim, { attempts: claim.attempts, lapses: claim.lapses, restMs: 0 }, { forMs: core.leaseMs })
}

/** Releases a claim, trying until the store answers or `options` end it. The value is false when the claim was completed or superseded meanwhile. */
export function giveBack(core: Core, claim: Claim, remember: Remember, options: ClaimingOptions): Promise<Tried<boolean>> {
  return askStore(core, releaseStep, { store: core.store, claim, remember }, options)
}

const releaseStep: Step<{ readonly store: Store; readonly claim: Claim; readonly remember: Remember }, boolean> = {
  send: ({ store, claim, remember }) => store.release(claim, remember),
}

/** Records the work of a claim as done, trying for `recordTimeoutMs`. The value is false when a newer claim exists. */
export function recordConsumed(
  core: Core,
  claim: Claim,
  signal?: AbortSignal,
  onFault?: (error: unknown) => void,
): Promise<Tried<boolean>> {
  return askStore(core, completeStep, { core, claim }, { signal, onFault, forMs: core.recordTimeoutMs })
}

const completeStep: Step<{ readonly core: Core; readonly claim: Claim }, boolean> = {
  send: ({ core, claim }) => core.store.complete(claim, core.windowMs),
}

/** What is asked of the store. Told apart from what it is asked of, so that there is one for all deliveries. */
export interface Step<Of, Value> {
  /** `now` is the time at which it is sent. */
  send(of: Of, now: number): Promise<Value>
  /** Told of an answer that nobody waited for any longer. */
  late?(of: Of, value: Value): void
}

/** Does a step until it comes through, or `options` end it, and keeps count of the outage. Never rejects. */
export function askStore<Of, Value>(core: Core, step: Step<Of, Value>, of: Of, options: ClaimingOptions): Promise<Tried<Value>> {
  return new Promise((resolve) => {
    const asking = new Asking(core, step, of, options, resolve)
    try {
      core.answering(step.send(of, asking.begun), asking.begun, asking)
    } catch (error) {
      asking.failed(error)
    }
  })
}

/** A step that is asked for the first time (a class, for the garbage collector's sake: see `Job`). */
class Asking<Of, Value> implements Asked<Value> {
  readonly begun: number
  readonly core: Core
  readonly step: Step<Of, Value>
  readonly of: Of
  readonly options: ClaimingOptions
  readonly resolve: (tried: Tried<Value> | Promise<Tried<Value>>) => void

  constructor(
    core: Core,
    step: Step<Of, Value>,
    of: Of,
    options: ClaimingOptions,
    resolve: (tried: Tried<Value> | Promise<Tried<Value>>) => void,
  ) {
    this.begun = core.runtime.clock.now()
    this.core = core
    this.step = step
    this.of = of
    this.options = options
    this.resolve = resolve
  }

  answered(value: Value): void {
    this.core.outage.succeeded(undefined)
    this.resolve({ done: true, value })
  }

  failed(error: unknown): void {
    this.resolve(keepAsking(this, error))
  }

  late(value: Value): void {
    this.step.late?.(this.of, value)
  }
}

async function keepAsking<Of, Value>({ core, step, of, options, begun }: Asking<Of, Value>, error: unknown): Promise<Tried<Value>> {
  const { outage, runtime } = core
  const followed = outage.follow()
  const onFault = (fault: unknown): void => {
    followed.fault(fault)
    options.onFault?.(fault)
  }
  onFault(error)
  const again = (now: number): Promise<Value> => answerOf(core.answering, step.send(of, now), now, (value) => step.late?.(of, value))
  const tried = await keepTrying(runtime, again, { ...options, onFault }, { begun, error })
  if (tried.done) outage.succeeded(followed)
  else followed.givenUp()
  return tried
}

/** The error of a layer that has nobody to hold the message for it. */
export function storeAway(record: string, error: unknown): StoreAwayError {
  return new StoreAwayError(`Nothing could be claimed for ${record}, as the store is away: ${messageOf(error)}`, { cause: error })
}
