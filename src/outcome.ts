/** What every outcome tells. */
interface Told {
  readonly scope: string
  /** The business key; undefined when it could not be had. */
  readonly key: string | undefined
  /** Failed runs so far, this delivery's included. */
  readonly attempts: number
  /** How often this message was put off because its key was busy, this time included. */
  readonly postponements: number
  /** From the delivery's arrival in the process to its settlement, in milliseconds. */
  readonly tookMs: number
}

/**
 * What became of a delivery.
 *
 * - `handled`: the handler returned and its key is recorded as consumed
 * - `duplicate`: the key was consumed already; acked
 * - `postponed`: put off uncounted (key busy, claim or store lost, run abandoned); comes again after `delayMs`
 * - `retried`: the handler threw; comes again after `delayMs`
 * - `dead-lettered`: set aside for a person, with the reason
 * - `lease-lost`: the handler returned after a newer claim was made: its work is done, perhaps twice; acked
 * - `unrecorded`: the handler returned, but that could not be recorded: a later duplicate will run again; acked
 * - `unsettled`: left to the broker, which delivers it again: consuming stopped, or the delivery was taken away
 */
export type Outcome = Told &
  (
    | { readonly status: 'handled' | 'duplicate' | 'lease-lost' | 'unsettled' }
    | { readonly status: 'postponed'; readonly delayMs: number }
    | { readonly status: 'retried'; readonly delayMs: number; readonly error: unknown }
    | { readonly status: 'dead-lettered'; readonly reason: string; readonly error: unknown }
    | { readonly status: 'unrecorded'; readonly error: unknown }
  )

/**
 * What went wrong, or right again, beside the outcomes of single deliveries.
 *
 * - `store-away`, `broker-away`: cannot be reached; deliveries are held. Told once per outage
 * - `recovered`: the store or the broker answers again
 * - `renewal-late`: a lease could not be renewed in time; the handler's signal was aborted
 * - `publish-failed`: a copy, a dead letter or a message of an outbox was not confirmed; it is tried again
 * - `ack-failed`: an ack did not get through; the broker will deliver again
 * - `overdue`: a message has been put off as busy for longer than `overdueMs`
 * - `abandoned`: a handler ran on long after `maxRunMs`; its place was given to others
 * - `set-aside`: the relay of an outbox has given up on a message and set it aside for a person; an alarm
 * - `unchecked`: something that should be checked at start could not be
 */
export interface Trouble {
  readonly kind:
    | 'store-away'
    | 'broker-away'
    | 'recovered'
    | 'renewal-late'
    | 'publish-failed'
    | 'ack-failed'
    | 'overdue'
    | 'abandoned'
    | 'set-aside'
    | 'unchecked'
  /** Which of the two is away, or answers again; undefined for other troubles. */
  readonly what?: 'store' | 'broker' | undefined
  /** A sentence for the log. */
  readonly message: string
  readonly scope?: string | undefined
  readonly key?: string | undefined
  readonly error?: unknown
}
