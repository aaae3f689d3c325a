/**
 * What to do when: the table of the design as one pure function. What happened goes in; what the record is to remember, how the delivery
 * is settled and what is told comes out. The code around it waits and talks, and decides nothing.
 */
import { hasCode, messageOf } from './errors.js'
import type { Outcome } from './outcome.js'
import type { Kind } from './gate.js'
import type { Remember } from './store.js'

/** What a pass over a delivery came to. */
export type Happened =
  /** The message cannot be decoded, or has no key. */
  | { readonly what: 'unreadable'; readonly error: unknown }
  /** Stopped, or taken away, before the handler began; a claim may be held. */
  | { readonly what: 'not-started' }
  /** Consumed within the window, as the store says, or a twin in this process whose `complete` answered true. */
  | { readonly what: 'consumed' }
  /** Somebody else has the key; or a transaction was given up after others had been in its way again and again, and a claim may be held. */
  | { readonly what: 'busy'; readonly retryInMs: number }
  /** The key has lapses, and it is not this one's turn to run. */
  | { readonly what: 'suspect'; readonly kind: Kind }
  /** The lapses have reached their limit. */
  | { readonly what: 'killer' }
  /** A replay of a message of which the record still remembers attempts or lapses. */
  | { readonly what: 'replay' }
  | { readonly what: 'returned'; readonly recorded: 'yes' | 'superseded' }
  | { readonly what: 'returned'; readonly recorded: 'unknown'; readonly error: unknown }
  /** `cut`: the handler threw after its signal was aborted because the claim or the store was lost, or at the end of a stop's grace time. */
  | { readonly what: 'threw'; readonly error: unknown; readonly cut: 'no' | 'lost' | 'stopping' }
  /** Still running a lease after `maxRunMs`: left alone. */
  | { readonly what: 'abandoned' }
  /** Still running at the end of a stop's grace time. */
  | { readonly what: 'handed-back' }

/** What was counted before this pass: of the header and the record, the larger; a replay starts with nothing. */
export interface Counts {
  readonly attempts: number
  readonly lapses: number
  readonly postponements: number
}

export interface Policy {
  readonly leaseMs: number
  readonly maxAttempts: number
  readonly maxLapses: number
  readonly retryDelaysMs: readonly number[]
  readonly whenBusy: 'postpone' | 'wait'
  readonly whenFailed: 'postpone' | 'wait'
}

export interface Decision {
  /** What the record is to remember, where the claim is given back. A dead letter is confirmed before, everything else is settled after. */
  readonly release?: Remember
  readonly settle:
    | { readonly how: 'ack' | 'leave' }
    | {
        readonly how: 'postpone'
        readonly delayMs: number
        readonly attempts: number
        readonly postponements: number
        /** Whether a replay stays one: it has not begun. */
        readonly replay: boolean
      }
    | { readonly how: 'dead-letter'; readonly reason: string; readonly attempts: number }
    /** Kept in place, and begun again after a pause, or when it is its turn. */
    | { readonly how: 'again'; readonly afterMs: number; readonly kind: Kind; readonly attempts: number }
  readonly outcome: Outcome['status']
  readonly error?: unknown
}

/** Done with: nothing is to be remembered that the store does not know. */
const acked: Decision['settle'] = { how: 'ack' }
/** Left to the broker, which delivers it again. */
const left: Decision['settle'] = { how: 'leave' }

export function decide(happened: Happened, counts: Counts, policy: Policy, waitsForBusy: boolean = policy.whenBusy === 'wait'): Decision {
  const { attempts } = counts
  switch (happened.what) {
    case 'unreadable':
      return deadLetter(`could not be read: ${messageOf(happened.error)}`, attempts, happened.error)
    case 'not-started':
      return { release: uncounted(counts), settle: left, outcome: 'unsettled' }
    case 'consumed':
      return { settle: acked, outcome: 'duplicate' }
    case 'busy': {
      // A claim is held where a transaction under it was given up as busy: kept, it would lapse, which nobody died of.
      const release = uncounted(counts)
      if (waitsForBusy) return { release, ...again(happened.retryInMs, attempts) }
      return { release, settle: putOff(counts, Math.max(1, happened.retryInMs), true), outcome: 'postponed' }
    }
    case 'suspect':
      return { release: uncounted(counts), settle: { how: 'again', afterMs: 0, kind: happened.kind, attempts }, outcome: 'unsettled' }
    case 'killer':
      // Its lapses stay on the record, so that other copies follow it without killing again.
      return {
        release: { attempts: 0, lapses: policy.maxLapses, restMs: 0 },
        ...deadLetter(
          `its lease ended ${counts.lapses} times unsettled: each time its process died or stalled, or its run was abandoned`,
          attempts,
        ),
      }
    case 'replay':
      // Once round as an ordinary copy: if it kills again, that is counted again, which a mark that resets at every redelivery would undo.
      return {
        release: { attempts: 0, lapses: 0, restMs: 0 },
        settle: { how: 'postpone', delayMs: retryDelay(policy, 1), attempts: 0, postponements: counts.postponements, replay: false },
        outcome: 'postponed',
      }
    case 'returned':
      if (happened.recorded === 'unknown') return { settle: acked, outcome: 'unrecorded', error: happened.error }
      return { settle: acked, outcome: happened.recorded === 'yes' ? 'handled' : 'lease-lost' }
    case 'threw':
      if (happened.cut === 'stopping') return { release: uncounted(counts), settle: left, outcome: 'unsettled' }
      if (happened.cut === 'lost')
        return { release: uncounted(counts), settle: putOff(counts, retryDelay(policy, 1), true), outcome: 'postponed' }
      return failed(happened.error, counts, policy)
    case 'abandoned':
      return { settle: putOff(counts, retryDelay(policy, 1), false), outcome: 'postponed' }
    case 'handed-back':
      // The handler still runs here: others wait as long as they would for a lapse, but no lapse is counted.
      return { release: { ...uncounted(counts), restMs: policy.leaseMs }, settle: left, outcome: 'unsettled' }
  }
}

/** What is remembered of a run that is not to count. */
function uncounted({ attempts, lapses }: Counts): Remember {
  return { attempts, lapses, restMs: 0 }
}

/** As busy: counted as a postponement, never as an attempt. */
function putOff({ attempts, postponements }: Counts, delayMs: number, replay: boolean): Decision['settle'] {
  return { how: 'postpone', delayMs, attempts, postponements: postponements + 1, replay }
}

function failed(error: unknown, { attempts, lapses, postponements }: Counts, policy: Policy): Decision {
  const tried = attempts + 1
  const forgotten: Remember = { attempts: 0, lapses: 0, restMs: 0 }
  if (hasCode(error, 'dead-letter')) return { release: forgotten, ...deadLetter(messageOf(error), tried, error) }
  if (tried >= policy.maxAttempts) return { release: forgotten, ...deadLetter(`failed ${tried} times: ${messageOf(error)}`, tried, error) }
  const delayMs = retryDelay(policy, tried)
  return {
    release: { attempts: tried, lapses, restMs: delayMs },
    settle:
      policy.whenFailed === 'wait'
        ? again(delayMs, tried).settle
        : { how: 'postpone', delayMs, attempts: tried, postponements, replay: false },
    outcome: 'retried',
    error,
  }
}

function deadLetter(reason: string, attempts: number, error?: unknown): Decision {
  return { settle: { how: 'dead-letter', reason, attempts }, outcome: 'dead-lettered', error }
}

function again(afterMs: number, attempts: number): Decision {
  return { settle: { how: 'again', afterMs, kind: 'ordinary', attempts }, outcome: 'unsettled' }
}

function retryDelay({ retryDelaysMs }: Policy, attempt: number): number {
  return retryDelaysMs[Math.min(attempt, retryDelaysMs.length) - 1] ?? 0
}
