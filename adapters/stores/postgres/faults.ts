import { conflictWhere } from '../../../src/index.js'

/** The codes of the error and its causes: query builders wrap what the server said in errors of their own. */
function codes(error: unknown): readonly string[] {
  const found: string[] = []
  for (let depth = 0; depth < 20 && typeof error === 'object' && error !== null; depth += 1) {
    const { code, originalCode, cause, meta } = error as WrappingError
    // Prisma has the server's code as `originalCode` in what its adapter threw, and before Prisma 7 as `meta.code`.
    for (const each of [code, originalCode, meta?.code]) if (typeof each === 'string') found.push(each)
    error = cause ?? meta?.driverAdapterError
  }
  return found
}

interface WrappingError {
  readonly code?: unknown
  readonly originalCode?: unknown
  readonly cause?: unknown
  readonly meta?: { readonly code?: unknown; readonly driverAdapterError?: unknown } | undefined
}

export function hasState(error: unknown, ...states: readonly string[]): boolean {
  return codes(error).some((code) => states.includes(code))
}

/** The server gave up the transaction for the sake of another one: serialization failure, deadlock, and what Prisma makes of both. */
export function isConflict(error: unknown): boolean {
  return hasState(error, '40001', '40P01', 'P2034')
}

/** What is thrown on of what a transaction failed with. */
export const orConflict: (error: unknown) => unknown = conflictWhere(isConflict)

/** The connection does not know the statement by its name any more (DISCARD ALL), or knows it from somebody else (a pooler). */
export function isLostName(error: unknown): boolean {
  return hasState(error, '26000', '42P05')
}

/** Something of that name is there already: the table, its type, or, when two make it at once, a row of the catalogue. */
export function isThereAlready(error: unknown): boolean {
  return hasState(error, '42P07', '42710', '23505')
}

/**
 * Whether the server itself said that the commit failed, or Prisma, which had ended the transaction before (P2028). The server may also say that the connection is being
 * closed (class 08, and 57P: a shutdown), and may have committed before that. An error of the network (EPIPE) is no answer of the server, nor are others of Prisma (P1017).
 */
export function isClearRefusal(error: unknown): boolean {
  return codes(error).some((code) => code === 'P2028' || /^(?!E|P[1-9]|08|57P|XX)[0-9A-Z]{5}$/.test(code))
}

/**
 * Whether the server refused a statement for what may be due to one row of many, or to their number, and so did nothing: data that cannot be (class 22), a
 * constraint (23), a conflict (40, where the server is sure), a limit (54), no memory (53200), a wait for a lock (55P03) or a statement (57014) that took too long.
 */
export function mayBeOfOne(error: unknown): boolean {
  if (isConflict(error)) return true
  return codes(error).some((code) => /^(?!40003)(22|23|40|54)[0-9A-Z]{3}$/.test(code) || ['53200', '55P03', '57014'].includes(code))
}
