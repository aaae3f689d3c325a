export { idempotent } from './idempotent.js'
export { inbox } from './inbox.js'
export { nextTurn, systemClock, sleep, within, tooLate } from './clock.js'
export { onAbort } from './aborts.js'
export { openCoalescing } from './coalescing.js'
export { systemRandom } from './random.js'
export { openRuntime, systemRuntime } from './runtime.js'
export { recordKey, encodeKey } from './key.js'
export { openConsumption } from './consumption.js'
export { copyHeaders, deadLetterHeaders, headerPrefix, idHeader, isMark, readMarks, withoutMarks } from './marks.js'
export { makeIncoming, readText } from './incoming.js'
export { refuse, refuseUnless } from './options.js'
export { refuseUnsendable } from './outgoing.js'
export { backOff, tryAgain } from './retry.js'
export { openSweep } from './sweep.js'
export { openOutbox } from './outbox.js'
export { laneCount } from './outbox-table.js'
export { notInTransaction, openHandedOut, refuseIdle } from './handed-out.js'
export { answersSoon, conflictWhere, openTransactions } from './transactions.js'
export {
  CommitUnknownError,
  ConfigurationError,
  DeadLetterError,
  HapaxError,
  KeyError,
  LeaseLostError,
  PublishRefusedError,
  RunTooLongError,
  StoppingError,
  StoreAwayError,
  StoreFullError,
  TransactionConflictError,
  hasCode,
  messageOf,
} from './errors.js'
export type { Clock } from './clock.js'
export type { Coalescing, CoalescingOptions } from './coalescing.js'
export type { Random } from './random.js'
export type { Runtime } from './runtime.js'
export type { Gate, Kind } from './gate.js'
export type { ErrorCode } from './errors.js'
export type { Places } from './places.js'
export type { Outcome, Trouble } from './outcome.js'
export type { BelievedMarks, Route } from './marks.js'
export type { IncomingParts } from './incoming.js'
export type { ConsumptionParts, Intake, OpenParts } from './consumption.js'
export type * from './store.js'
export type * from './delivery.js'
export type * from './transport.js'
export type * from './handler.js'
export type { IdempotentOptions } from './idempotent.js'
export type { InboxOptions } from './inbox.js'
export type { TryAgainOptions, Tried } from './retry.js'
export type { Outbox, SetAsideMessage } from './outbox.js'
export type { OutboxDepth, OutboxEntry, OutboxTable, SetAsideEntry, StoredEntry } from './outbox-table.js'
export type { Relay, RelayOptions } from './relay.js'
export type { Sweep, SweepOptions } from './sweep.js'
export type { HandedOut } from './handed-out.js'
export type { TransactionBridge, TransactionConnection, TransactionFaults, Transactions } from './transactions.js'
