import type { MysqlValue } from './clients.js'

export interface Statement {
  readonly text: string
  readonly values: readonly MysqlValue[]
}

/** What one step asks for, and what becomes of the record. */
export interface Step {
  readonly record: Uint8Array
  /** Names this call: the row says who wrote it last. */
  readonly id: Uint8Array
  /** The nonce that the answer compares with; of steps that have none, the id. */
  readonly nonce: Uint8Array
  readonly asked: Readonly<Record<string, MysqlValue>>
  /** The row, where there was none. */
  readonly fresh: string
  /** When a row that is there is taken, */
  readonly taken: string
  /** what is decided by the row as it was, */
  readonly first?: Readonly<Record<string, string>>
  /** and what becomes of it. */
  readonly becomes: Readonly<Record<string, string>>
}

/** By the server's clock when the statement began, whatever the session's time zone is; all of a statement sees the same. */
const nowUs = `timestampdiff(microsecond, '1970-01-01', utc_timestamp(6))`
export const nowMs: string = `${nowUs} div 1000`

const columns = 'record, state, token, attempts, lapses, nonce, step, until_ms, memory_ms, over_ms'
const over = 'over_ms <= now_ms'

interface Names {
  readonly nonce: Uint8Array
  readonly id: Uint8Array
}

/** Attempts, lapses and token go by the row as it was. */
export function claimStep(record: Uint8Array, { nonce, id }: Names, leaseMs: number, memoryMs: number): Step {
  const anew = `(${over} or (state <> 1 and until_ms <= now_ms and nonce <> its_nonce))`
  return {
    record,
    id,
    nonce,
    asked: { its_nonce: nonce, lease_ms: leaseMs, keep_ms: memoryMs },
    fresh: '0, now_us, 0, 0, its_nonce, its_step, now_ms + lease_ms, keep_ms, now_ms + lease_ms + keep_ms',
    first: {
      attempts: `if(${over}, 0, attempts)`,
      lapses: `if(${over}, 0, lapses + (${anew} and state = 0))`,
      token: `if(${anew}, greatest(token + 1, now_us), token)`,
    },
    taken: `${anew} or (state = 0 and nonce = its_nonce)`,
    becomes: {
      state: '0',
      nonce: 'its_nonce',
      until_ms: 'now_ms + lease_ms',
      memory_ms: 'keep_ms',
      over_ms: 'now_ms + lease_ms + keep_ms',
    },
  }
}

/** What `renew` and `release` leave where there was nothing: a record that is over already, which is the same. */
const nothing = `2, 0, 0, 0, '', '', 0, 0, 0`
const held = 'state = 0 and token = its_token and over_ms > now_ms'

export function renewStep(record: Uint8Array, id: Uint8Array, token: number, leaseMs: number): Step {
  return {
    record,
    id,
    nonce: id,
    asked: { its_token: token, lease_ms: leaseMs },
    fresh: nothing,
    taken: `(${held})`,
    becomes: { until_ms: 'now_ms + lease_ms', over_ms: 'now_ms + lease_ms + memory_ms' },
  }
}

export function releaseStep(record: Uint8Array, id: Uint8Array, token: number, restMs: number, attempts: number, lapses: number): Step {
  return {
    record,
    id,
    nonce: id,
    asked: { its_token: token, rest_ms: restMs, its_attempts: attempts, its_lapses: lapses },
    fresh: nothing,
    taken: `(${held})`,
    becomes: {
      state: '2',
      attempts: 'its_attempts',
      lapses: 'its_lapses',
      until_ms: 'now_ms + rest_ms',
      over_ms: 'now_ms + rest_ms + memory_ms',
    },
  }
}

const consumed = {
  state: '1',
  attempts: '0',
  lapses: '0',
  nonce: `''`,
  until_ms: 'now_ms + window_ms',
  memory_ms: '0',
  over_ms: 'now_ms + window_ms',
}

export function completeStep(record: Uint8Array, id: Uint8Array, token: number, windowMs: number): Step {
  return {
    record,
    id,
    nonce: id,
    asked: { its_token: token, window_ms: windowMs },
    fresh: `1, its_token, 0, 0, '', its_step, now_ms + window_ms, 0, now_ms + window_ms`,
    taken: `${over} or token < its_token or (token = its_token and state <> 1)`,
    becomes: { ...consumed, token: 'its_token' },
  }
}

/** A token of 0: the caller holds no claim. */
export function claimInStep(record: Uint8Array, id: Uint8Array, token: number, windowMs: number): Step {
  return {
    record,
    id,
    nonce: id,
    asked: { its_token: token, window_ms: windowMs },
    fresh: `1, now_us, 0, 0, '', its_step, now_ms + window_ms, 0, now_ms + window_ms`,
    taken: `${over} or (state = 0 and token = its_token) or (state <> 1 and until_ms <= now_ms and (its_token = 0 or token <= its_token))`,
    becomes: { ...consumed, token: 'greatest(token + 1, now_us)' },
  }
}

/** What a step found or left behind, as one text. */
function answer({ nonce, id }: Step): Statement {
  return {
    text: `concat_ws(' ', state, token, attempts, lapses, until_ms - (${nowMs}), nonce = ?, step = ?, over_ms > ${nowMs}) as answer`,
    values: [nonce, id],
  }
}

/**
 * Upserts, so that one statement finds the record by its key or makes it, and judges it as it is under its lock. Assignments are made from left to right, and
 * later ones see what earlier ones did: from then on `step` says whether the record was taken, as what told it changes on the way. MariaDB with
 * SIMULTANEOUS_ASSIGNMENT has them all see the row as it was.
 */
function upsert(table: string, { record, id, asked, fresh, taken, first = {}, becomes }: Step, lock: Statement): Statement {
  const given = Object.entries({ its_record: record, its_step: id, ...asked })
  const fields = given.map(([name, value]) => (typeof value === 'number' ? `cast(? as signed) as ${name}` : `? as ${name}`))
  const taking = `if(${taken} or step = its_step, `
  const assignments = Object.entries({
    ...first,
    step: `if(${taken}, its_step, step)`,
    ...Object.fromEntries(Object.entries(becomes).map(([column, value]) => [column, `${taking}${value}, ${column})`])),
  })
  return {
    text: `insert into ${table} (${columns})
select its_record, ${fresh}
from (select ${fields.join(', ')}, ${nowUs} as now_us, ${nowMs} as now_ms) as asked ${lock.text} where true
on duplicate key update ${assignments.map(([column, value]) => `${column} = ${value}`).join(', ')}`,
    values: [...given.map(([, value]) => value), ...lock.values],
  }
}

/** The whole step, in one statement that waits for no lock. Answers one row, always. */
export function mariadbStep(table: string, step: Step): Statement {
  const write = upsert(table, step, { text: '', values: [] })
  const said = answer(step)
  return {
    text: `set statement innodb_lock_wait_timeout = 0 for ${write.text} returning ${said.text}`,
    values: [...write.values, ...said.values],
  }
}

/** How many slots there are for gates, and as many again for turns. */
export const slots = 32_768

const gateOf = `crc32(?) mod ${slots}`

/**
 * MySQL cannot try a row lock without waiting in an upsert, and to try it before leaves a gap locked or a moment open. So each record has a gate and a turn, both rows
 * of a table of slots that are always there, and whose locks leave no gaps:
 *
 * - turn: taken by `claimIn`, without waiting. Who does not get it has met another transaction that is open.
 * - gate: shared by all plain steps, for one statement, without waiting. `claimIn`, once it has the turn, takes the gate for itself: it waits for
 *   statements that are under way, never for a transaction. A plain step that does not get through has met an open transaction.
 *
 * Records that share a slot by chance are in each other's way for as long as one of them is in an open transaction.
 */
export function mysqlStep(table: string, step: Step): Statement {
  const lock = `join (select slot from ${slotsOf(table)} where slot = ${gateOf} for share nowait) as gate`
  return upsert(table, step, { text: lock, values: [step.record] })
}

/** For whom the gate was shut: does the step if the row itself is there and not locked, and nothing otherwise. */
export function mysqlRowStep(table: string, step: Step): Statement {
  const lock = `join (select record from ${table} where record = ? for update nowait) as locked`
  return upsert(table, step, { text: lock, values: [step.record] })
}

export function mysqlTurn(table: string, { record }: Step): Statement {
  return { text: `select 'taken' as answer from ${slotsOf(table)} where slot = ${gateOf} + ${slots} for update nowait`, values: [record] }
}

export function mysqlStepIn(table: string, step: Step): Statement {
  const lock = `join (select slot from ${slotsOf(table)} where slot = ${gateOf} for update) as gate`
  return upsert(table, step, { text: lock, values: [step.record] })
}

/** MySQL does not return what an upsert left behind: read afterwards. Answers one row, empty if there is no record. */
export function mysqlAnswer(table: string, step: Step, inTransaction: boolean): Statement {
  const said = answer(step)
  return {
    // A transaction may not see what others committed since it began, unless it locks what it reads; the lock is its own by now.
    text: `select ${said.text} from (select 1) as one left join ${table} on record = ?${inTransaction ? ' for update' : ''}`,
    values: [...said.values, step.record],
  }
}

/** `table` in backquotes, and what belongs to it. */
export function slotsOf(table: string): string {
  return `${table.slice(0, -1)}_slots\``
}
