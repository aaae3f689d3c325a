import type { Keeping, Move } from '../keeping.js'
import type { NeedsClient } from '../client-library.js'

/** A store that the demo can be played on. */
export interface StoreProduct extends NeedsClient {
  /** Whether charge and record can be one transaction here. */
  readonly hasInbox: boolean
  /** What is wrong with an address; undefined if nothing is. */
  faultOf(at: string): string | undefined
  /** Connects the demo itself, or a worker. `run` names all that is made. */
  open(at: string, run: string): Promise<DemoStore>
}

/** What the demo and its workers do with their store. */
export interface DemoStore {
  /** Makes the tables, where there are any. */
  make(): Promise<void>
  /** Money moves elsewhere, by `move`. */
  byLease(move: Move): Keeping
  /** Money moves as a row of the ledger table. */
  withInbox(worker: string): Keeping
  /** The rows of the ledger table: what is committed. */
  charges(): Promise<readonly ChargeRow[]>
  /** Removes all that was made, by the workers, too, which have ended. */
  remove(): Promise<void>
  close(): Promise<void>
}

/** A row of the ledger table. Nothing in it keeps a payment from being there twice. */
export interface ChargeRow {
  readonly id: number
  readonly worker: string
  readonly payment: string
  readonly cents: number
}

/** A name that can stand in SQL without quotes. */
export function nameInSql(run: string): string {
  return run.replaceAll('-', '_')
}
