/**
 * The contract of a store: where claims and consumed keys are recorded.
 *
 * - key: what makes two messages the same; scope: one handler's name; record: both as one text, `recordKey(scope, key)`
 * - claim: take the right to handle a key, and that right; lease: how long it lasts unless renewed
 * - lapse: a lease ended with its claim neither completed nor released
 * - token: for one record, grows with every claim; fenced off: refused because a newer claim exists
 * - rest: after a release, the time in which the key is busy for everybody
 * - window: how long a consumed key is remembered
 *
 * A record is in one of three states: `consuming`, `consumed`, `released`.
 *
 * Rules that hold for every method:
 *
 * - Each is one atomic step in the backend, judged by the backend's own clock. Durations cross this contract, never times.
 * - A fault throws. It never looks like `duplicate`, and never like `claimed`.
 * - Records are compared bytewise; they hold no NUL, are well-formed and at most 255 bytes long.
 * - Records that are over leave by themselves, and their leaving never holds up a claim.
 *
 * `storeSuite` in `hapax/testing` holds a store against all of this.
 */
export interface Store {
  /**
   * Called once by `consume`. Throws a `ConfigurationError` for a server or schema that cannot hold the promises (it evicts keys, the
   * table is missing), and any other error when the backend cannot be reached. What could not be looked at is told to `warn`.
   */
  check(warn: (message: string) => void): Promise<void>

  /**
   * Takes the record, or says what holds it: one step, with no second read whose answer may be gone.
   *
   * - Free: never seen, released with its rest over, or `consuming` with its lease over. The last is a lapse and adds one to `lapses`.
   *   The new claim carries the `attempts` and `lapses` that the record remembers, and a token that never came before for this record,
   *   not even before the record was forgotten.
   * - Held by the claim made with the same `nonce`: that same claim again (same token, no lapse added), its lease restarted, so that a
   *   lost reply does not lock the caller out. A claim that was released does not come back: its nonce is then answered
   *   `busy`, after the rest too, with a millisecond as what is left. Only the last nonce has to be known: one that comes back after others have
   *   claimed is a new claim.
   * - Held by another claim, or at rest: `busy`, with the time that is left.
   * - Consumed within its window: `duplicate`.
   *
   * The record outlives lease and rest by `memoryMs`, so that attempts and lapses are remembered.
   */
  claim(record: string, options: ClaimOptions): Promise<ClaimResult>

  /** Starts the lease again. `false`, with nothing changed, once a newer claim exists or the claim is completed, released or forgotten. */
  renew(claim: Claim, leaseMs: number): Promise<boolean>

  /**
   * Records the key as consumed for `windowMs`. `false`, with nothing changed, once a newer claim exists. Succeeds after a lapse, after
   * one's own release, on a record that is gone, and on one that holds an older token than the claim, as work that was done is not to be
   * forgotten. Repeated, it answers `true` and does not start the window again.
   */
  complete(claim: Claim, windowMs: number): Promise<boolean>

  /**
   * Gives the claim back, remembering `attempts` and `lapses` for the next claim; the key is busy for everybody for `restMs`. `false`,
   * with nothing changed, once a newer claim exists or the claim is completed, released or forgotten. Succeeds after a lapse.
   */
  release(claim: Claim, remember: Remember): Promise<boolean>
}

/** The right to handle a key, as `claim` gave it; the other steps are done with it. Plain data. */
export interface Claim {
  readonly record: string
  /** Fencing token: a safe integer, greater than every earlier one of this record. */
  readonly token: number
  /** Runs of the handler that failed by themselves so far. */
  readonly attempts: number
  /** Leases that ended with their claim neither completed nor released so far. */
  readonly lapses: number
}

export interface ClaimOptions {
  /** Names this claim of this caller, so that the same call can be sent again. Printable text of at most 1,000 characters; the core passes a UUID. */
  readonly nonce: string
  /** How long the claim lasts unless renewed, in milliseconds; a whole number of at least 1, as all durations here at most 2 ** 50. */
  readonly leaseMs: number
  /** How long the record outlives its lease or rest, in milliseconds; a whole number of at least 1. The core passes the window. */
  readonly memoryMs: number
}

export type ClaimResult =
  | { readonly status: 'claimed'; readonly claim: Claim }
  | { readonly status: 'busy'; readonly retryInMs: number }
  | { readonly status: 'duplicate' }

/** What a released record keeps for the next claim. */
export interface Remember {
  readonly attempts: number
  readonly lapses: number
  /** How long the key is busy for everybody, in milliseconds; 0 for not at all. */
  readonly restMs: number
}

/**
 * A store whose records live in the user's own database, so that effect and record can be one transaction.
 *
 * While a transaction that has claimed a record in itself (`claimIn`) is open, the other steps do not wait for it: `claim` answers `busy`
 * with its lease as `retryInMs`; `renew`, `complete` and `release` throw (code
 * `transaction-conflict`, say) and can be tried again.
 *
 * `transactionalStoreSuite` in `hapax/testing` holds a store against this.
 */
export interface TransactionalStore<Tx> extends Store {
  /**
   * Runs `run` in one transaction: commits when it resolves, rolls back when it rejects, and then rejects with the same error. Nothing
   * that is done through `tx` after `run` has settled takes effect. The transaction ends on the server by itself when its process is gone.
   *
   * Throws an error with code `transaction-conflict` for serialization failures and deadlocks, also where they are the cause of what
   * `run` threw, and one with code `commit-unknown` when the answer to the commit was lost. Any other error after `run` has resolved says that nothing
   * was committed (it was refused, or the connection was closed before), and counts as a failure of `run`: what takes too long would end so each time.
   */
  transaction<Value>(run: (tx: Tx) => Promise<Value>): Promise<Value>

  /**
   * Records the key as consumed in the caller's transaction, as one statement that never waits: `busy` when somebody else holds the
   * record (by a lease, or in another open transaction), when it rests, or when the `claim` handed in is superseded; `duplicate` when it
   * is consumed; else `claimed`. It raises the token. A second time in the same transaction it is `duplicate`.
   */
  claimIn(tx: Tx, record: string, options: ClaimInOptions): Promise<ClaimInResult>
}

export interface ClaimInOptions {
  /** How long the consumed key is remembered, in milliseconds. */
  readonly windowMs: number
  /** The claim by lease that this caller holds on the record, if it does. */
  readonly claim?: Claim | undefined
}

export interface ClaimInResult {
  readonly status: 'claimed' | 'busy' | 'duplicate'
}
