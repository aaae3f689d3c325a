// oxlint-disable-next-line no-restricted-imports -- a prepared statement is known by a name that changes with its text
import { createHash } from 'node:crypto'

export interface Statement {
  readonly name: string
  readonly text: string
}

/** A statement that is prepared under a name of its own. */
export function named(name: string, text: string): Statement {
  return { name: `hapax_${name}_${createHash('sha1').update(text).digest('hex').slice(0, 12)}`, text }
}

/** A double holds the seconds since 1970 to a quarter of a microsecond, and is reckoned with faster than what `extract` gives. */
export const clockUs = "(date_part('epoch', clock_timestamp()) * 1000000)::bigint"

/**
 * Two classes of advisory locks, "hapx" and "hapy", so that we do not meet the locks of others. Both are held until the transaction ends.
 *
 * - turn: taken by `claimIn`, one at a time. Who does not get it at once has met another open transaction on the key.
 * - gate: shared by all plain steps, as long as one statement takes. `claimIn`, once it has the turn, takes the gate for itself: it waits for
 *   statements that are under way, never for a transaction. A plain step that does not get through at once has met an open transaction, and
 *   does not go on to wait for its row.
 */
export const turnClass = 0x68617079
export const gateClass = 0x68617078

/**
 * The lock of a record in hexadecimal digits. A hash that meets another one's makes a key seem busy for a moment, no more. The table is in it:
 * records of two tables do not meet.
 */
export const lockIdIn =
  (table: string) =>
  (hex: string): string =>
    `(hashtextextended(${hex} collate "C", '${table}'::regclass::oid::bigint) >> 32)::int`
