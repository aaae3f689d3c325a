import type { Marks, Outcome, Trouble } from '../../src/index.js'
import type { Cut, Fault, PlannedWorker } from './plan.js'

/** What happened in a history, in order: all that the properties and the story know of it. */
export type Happening = { readonly atMs: number } & (
  | { readonly what: 'sent'; readonly message: string; readonly key: string }
  /** A caller of `once` does not come back any more. */
  | { readonly what: 'given-up'; readonly message: string }
  | ({ readonly worker: string } & OfWorker)
  | { readonly what: 'store-away'; readonly how: Cut; readonly forMs: number }
  | { readonly what: 'store-back' }
  | { readonly what: 'store-slow'; readonly byMs: number; readonly forMs: number }
  | { readonly what: 'store-quick' }
  | { readonly what: 'store-forgot'; readonly lagMs: number }
  | { readonly what: 'broker-away'; readonly forMs: number }
  | { readonly what: 'broker-back' }
  | { readonly what: 'replayed'; readonly messages: readonly string[] }
  /** All that was wrong is mended, and nothing goes wrong any more. */
  | { readonly what: 'calm' }
  /** The group is empty, or it was waited for as long as it could have taken. */
  | { readonly what: 'over'; readonly left: number; readonly deadLetters: readonly string[] }
  /** All workers have stopped. */
  | { readonly what: 'end'; readonly records: number | undefined; readonly timers: number; readonly calls: number }
)

type OfWorker =
  | { readonly what: 'began'; readonly slot: number; readonly mode: PlannedWorker['mode'] }
  /** `killedBy`: the key whose message took it down; undefined for a fault. */
  | { readonly what: 'crashed'; readonly killedBy: string | undefined }
  /** The broker has noticed that it is dead. */
  | { readonly what: 'buried' }
  | { readonly what: 'stalled'; readonly forMs: number }
  | { readonly what: 'resumed' }
  | { readonly what: 'stopping' }
  | { readonly what: 'stopped' }
  | { readonly what: 'cut'; readonly from: 'store' | 'broker'; readonly how: Cut; readonly forMs: number }
  | { readonly what: 'mended'; readonly from: 'store' | 'broker' }
  | { readonly what: 'commits-fail'; readonly how: 'conflict' | 'unknown'; readonly forMs: number }
  | { readonly what: 'commits-work' }
  | { readonly what: 'rebalanced' }
  /** A call whose request or answer is lost, late, or sent twice, on purpose. */
  | { readonly what: 'call-fault'; readonly step: string; readonly how: Extract<Fault, { what: 'call' }>['how']; readonly byMs: number }
  | {
      readonly what: 'arrived'
      readonly delivery: number
      readonly message: string
      readonly redelivered: boolean | undefined
      readonly attempts: number
      readonly postponements: number
      readonly replay: boolean
    }
  /** A step took effect in the store; whether its answer is heard is another matter. */
  | ({ readonly what: 'store' } & StoreStep)
  /** The process hears that it has claimed, whether it still waits for that or has given it up. */
  | { readonly what: 'claim-heard'; readonly record: string; readonly token: number }
  /** The store's own fault. */
  | {
      readonly what: 'store-threw'
      readonly step: string
      readonly record: string
      readonly token: number | undefined
      readonly error: string
    }
  | {
      readonly what: 'started'
      readonly run: number
      readonly delivery: number | undefined
      readonly message: string
      readonly key: string
      readonly attempt: number
      /** Of the lease; undefined in an inbox. 0 where nothing was claimed. */
      readonly token: number | undefined
    }
  | { readonly what: 'effect'; readonly run: number; readonly key: string }
  | { readonly what: 'returned'; readonly run: number; readonly key: string }
  | { readonly what: 'threw'; readonly run: number; readonly key: string; readonly why: 'fails' | 'asks' | 'aborted' | 'too-long' }
  /** A step took effect at the broker, unless the delivery was taken away before. */
  | {
      readonly what: 'ack'
      readonly delivery: number
      readonly message: string
      readonly takenAway: boolean
    }
  | {
      readonly what: 'postponed'
      readonly delivery: number
      readonly message: string
      readonly takenAway: boolean
      readonly delayMs: number
      readonly marks: Marks
    }
  | {
      readonly what: 'dead-letter'
      readonly delivery: number
      readonly message: string
      readonly takenAway: boolean
      readonly reason: string
      readonly marks: Marks
    }
  | { readonly what: 'outcome'; readonly delivery: number | undefined; readonly message: string; readonly outcome: ToldOutcome }
  | { readonly what: 'trouble'; readonly trouble: Trouble }

/** What became of a delivery, or of a call of `once`. */
export type ToldOutcome = Pick<Outcome, 'status'> | { readonly status: 'busy' | 'threw' | 'store-away' }

/** A step of the store with what was asked and what was answered. */
export type StoreStep = { readonly record: string } & (
  | {
      readonly step: 'claim'
      readonly nonce: string
      readonly leaseMs: number
      readonly memoryMs: number
      readonly status: 'claimed' | 'busy' | 'duplicate'
      readonly token: number
      readonly attempts: number
      readonly lapses: number
      readonly retryInMs: number
    }
  | { readonly step: 'renew'; readonly token: number; readonly leaseMs: number; readonly answer: boolean }
  | { readonly step: 'complete'; readonly token: number; readonly windowMs: number; readonly answer: boolean }
  | {
      readonly step: 'release'
      readonly token: number
      readonly attempts: number
      readonly lapses: number
      readonly restMs: number
      readonly answer: boolean
    }
  | {
      readonly step: 'claim-in'
      readonly transaction: number
      readonly token: number | undefined
      readonly windowMs: number
      readonly status: 'claimed' | 'busy' | 'duplicate'
    }
  | { readonly step: 'commit'; readonly transaction: number }
  | { readonly step: 'rollback'; readonly transaction: number }
)
