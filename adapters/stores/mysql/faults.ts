import { conflictWhere } from '../../../src/index.js'

/** The server's error numbers that mean something to us. */
const numbers = {
  lockWait: 1205,
  deadlock: 1213,
  noWait: 3572,
  /** MariaDB: a row that was read has changed since (innodb_snapshot_isolation). */
  changedSinceRead: 1020,
  /** Another member of a replication group won. */
  rolledBackAtCommit: 3101,
}

/** Answers of a server that closes the connection: whether it had committed before, they do not say. */
const closing: readonly number[] = [1053, 1152, 1159, 1160, 1161, 1317, 1927, 4031]

interface ServerError {
  readonly errno?: unknown
  readonly code?: unknown
  readonly sqlState?: unknown
  /** Prisma's words for `errno` and `sqlState`. */
  readonly originalCode?: unknown
  readonly state?: unknown
  readonly meta?: { readonly code?: unknown; readonly driverAdapterError?: unknown } | undefined
  readonly cause?: unknown
}

/** The error and its causes: query builders wrap what the server said in errors of their own. */
function* chain(error: unknown): Generator<ServerError> {
  for (let depth = 0; depth < 20 && typeof error === 'object' && error !== null; depth += 1) {
    yield error
    const { cause, meta }: ServerError = error
    error = cause ?? meta?.driverAdapterError
  }
}

/** mysql2 has the server's number as `errno`; Prisma as `originalCode` of what its adapter threw, and before Prisma 7 as `meta.code`. */
function numberOf({ errno, originalCode, meta }: ServerError): number {
  return typeof errno === 'number' ? errno : Number(originalCode ?? meta?.code)
}

export function hasNumber(error: unknown, ...wanted: readonly number[]): boolean {
  for (const each of chain(error)) if (wanted.includes(numberOf(each))) return true
  return false
}

/** Somebody else has a lock that was not waited for. Nothing was done, and a transaction goes on. */
export function isLocked(error: unknown): boolean {
  return hasNumber(error, numbers.lockWait, numbers.noWait)
}

/** A value that a column does not take. The statement did nothing. */
export function isOfOneRow(error: unknown): boolean {
  for (const { sqlState, state } of chain(error)) {
    const said = sqlState ?? state
    if (typeof said === 'string' && /^2[23]/.test(said)) return true
  }
  return false
}

/**
 * Something between us and the server, or the server itself, does not take prepared statements: not at all, not this one, no more of them, or not
 * this one any more. Nothing was done.
 */
export function cannotPrepare(error: unknown): boolean {
  return hasNumber(error, 1047, 1243, 1295, 1461, 1615)
}

/** The server has rolled back the whole transaction. Statements that follow would be none of it. */
export function isDeadlock(error: unknown): boolean {
  return hasNumber(error, numbers.deadlock)
}

/** The server gave up the transaction for the sake of another one, in its own words or in Prisma's. */
export function isConflict(error: unknown): boolean {
  for (const { code } of chain(error)) if (code === 'P2034') return true
  return hasNumber(error, numbers.deadlock, numbers.changedSinceRead, numbers.rolledBackAtCommit)
}

/** What is thrown on of what a transaction failed with. */
export const orConflict: (error: unknown) => unknown = conflictWhere(isConflict)

/** Some clients give an SQL state to what they say themselves, as of a connection that was reset: the system's numbers are negative, those of MariaDB's own client begin at 45000. */
function isOfClient(number: number): boolean {
  return number < 0 || number >= 45_000
}

/** Whether the server itself said that the commit failed, or Prisma, which had ended the transaction before (P2028). */
export function isClearRefusal(error: unknown): boolean {
  for (const each of chain(error)) {
    if (each.code === 'P2028') return true
    const state = each.sqlState ?? each.state
    const number = numberOf(each)
    if (typeof state === 'string' && !state.startsWith('08') && !closing.includes(number) && !isOfClient(number)) return true
  }
  return false
}

/** mysql2 knew the connection to be closed before it sent the statement. It says so by the message alone. */
export function isUnsent(error: unknown): boolean {
  for (const each of chain(error)) {
    if (each instanceof Error && each.message.startsWith("Can't add new command when connection is in closed state")) return true
  }
  return false
}

/** A server or a session that takes no writes. */
export function isReadOnly(error: unknown): boolean {
  return hasNumber(error, 1290, 1792, 1836, 1874)
}

export function isNoTable(error: unknown): boolean {
  return hasNumber(error, 1146)
}

export function isDenied(error: unknown): boolean {
  return hasNumber(error, 1142, 1143)
}
