import { idempotent } from '../../src/index.js'
import type { HandlerOptions, Idempotent, Store } from '../../src/index.js'
import type { Payment } from './payments.js'

/** Moves the money of a payment: the effect that is to take place once. */
export type Move = (payment: Payment) => void | Promise<void>

/** The handler of the demo: asks the bank, then moves the money. */
export type Charge = (payment: Payment, attempt: number, move: Move) => Promise<void>

/** Where money moves, and what remembers that it did. */
export interface Keeping {
  /** As people write it by hand: joined with nothing. */
  readonly move: Move
  /** Wraps the handler, by lease or with an inbox. */
  wrap(charge: Charge, options: HandlerOptions<Payment>): Idempotent<Payment, void>
}

/** Money moves somewhere else than in the store. */
export function leaseKeeping(store: Store, move: Move): Keeping {
  return {
    move,
    wrap: (charge, options) => idempotent((payment: Payment, { attempt }) => charge(payment, attempt, move), { ...options, store }),
  }
}
