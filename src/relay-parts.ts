import type { Holding } from './holding.js'
import type { Hooks } from './hooks.js'
import type { OutboxTable } from './outbox-table.js'
import type { Publisher } from './transport.js'
import type { Runtime } from './runtime.js'

/** What a relay's work depends on. */
export interface RelaySettings {
  readonly pollMs: number
  readonly batch: number
  readonly leaseMs: number
  readonly publishTimeoutMs: number
  readonly storeTimeoutMs: number
  readonly retryDelaysMs: readonly number[]
  readonly maxFailures: number
  readonly keepSentMs: number
}

/** What the parts of a relay share. */
export interface RelayParts {
  readonly table: Omit<OutboxTable<never>, 'add'>
  readonly publisher: Publisher
  readonly settings: RelaySettings
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly hooks: Hooks
  readonly holding: Holding
  /** Nothing new is begun once it has aborted. */
  readonly stopping: AbortSignal
  /** What is still under way is given up once it has aborted. */
  readonly graceOver: AbortSignal
}

/** Lanes that a relay has taken. */
export interface Hand {
  readonly lanes: readonly number[]
  /** Makes sure that they are still had, and answers whether some are. To be called before each step that takes time. */
  keep(): Promise<boolean>
}
