import { systemRandom } from '../../../src/index.js'
import { columns, nowMs, nowUs } from './forms.js'
import type { MysqlValue } from './clients.js'
import type { Form, Step } from './forms.js'

/** Names one statement: the row says which one wrote it last. */
export function newId(): Uint8Array {
  return Buffer.from(systemRandom.nonce())
}

export interface Statement {
  readonly text: string
  readonly values: readonly MysqlValue[]
}

/** Says, once `step` is assigned, that the record is taken. */
export const isOurs = 'step = its_step'

/**
 * What becomes of a row that is there. Assignments are made from left to right, and later ones see what earlier ones did: what told whether the record
 * is taken changes on the way, and from then on `step` says it.
 */
export function assignments({ taken, first = {}, becomes }: Form, ours: string): string {
  const assigned = Object.entries({
    ...first,
    step: `if(${taken}, its_step, step)`,
    ...Object.fromEntries(Object.entries(becomes).map(([column, value]) => [column, `if(${ours}, ${value}, ${column})`])),
  })
  return assigned.map(([column, value]) => `${column} = ${value}`).join(', ')
}

/** Upserts, so that one statement finds the record by its key or makes it, and judges it as it is under its lock. */
function upsert(table: string, step: Step, id: Uint8Array, lock: Statement): Statement {
  const { form } = step
  const given = Object.entries(givenBy(step, id))
  const fields = given.map(([name, value]) => `${placeOf(value)} as ${name}`)
  return {
    text: `insert into ${table} (${columns})
select its_record, ${form.fresh}
from (select ${fields.join(', ')}, ${nowUs} as now_us, ${nowMs} as now_ms) as asked ${lock.text} where true
on duplicate key update ${assignments(form, `${form.taken} or ${isOurs}`)}`,
    values: [...given.map(([, value]) => value), ...lock.values],
  }
}

export function givenBy({ record, asked }: Step, id: Uint8Array): Readonly<Record<string, MysqlValue>> {
  return { its_record: record, its_step: id, ...asked }
}

/** Clients send numbers as what they like. */
export function placeOf(value: MysqlValue): string {
  return typeof value === 'number' ? 'cast(? as signed)' : '?'
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
export function mysqlStep(table: string, step: Step, id: Uint8Array): Statement {
  const lock = `join (select slot from ${slotsOf(table)} where slot = ${gateOf} for share nowait) as gate`
  return upsert(table, step, id, { text: lock, values: [step.record] })
}

/** For whom the gate was shut: does the step if the row itself is there and not locked, and nothing otherwise. */
export function mysqlRowStep(table: string, step: Step, id: Uint8Array): Statement {
  const lock = `join (select record from ${table} where record = ? for update nowait) as locked`
  return upsert(table, step, id, { text: lock, values: [step.record] })
}

export function mysqlTurn(table: string, { record }: Step): Statement {
  return { text: `select 'taken' as answer from ${slotsOf(table)} where slot = ${gateOf} + ${slots} for update nowait`, values: [record] }
}

export function mysqlStepIn(table: string, step: Step, id: Uint8Array): Statement {
  const lock = `join (select slot from ${slotsOf(table)} where slot = ${gateOf} for update) as gate`
  return upsert(table, step, id, { text: lock, values: [step.record] })
}

/** MySQL does not return what an upsert left behind: read afterwards. Answers one row, empty if there is no record. */
export function mysqlAnswer(table: string, { record, asked }: Step, id: Uint8Array, inTransaction: boolean): Statement {
  const said = `concat_ws(' ', state, token, attempts, lapses, until_ms - (${nowMs}), step = ?, nonce = ?, over_ms > ${nowMs}) as answer`
  return {
    // A transaction may not see what others committed since it began, unless it locks what it reads; the lock is its own by now.
    text: `select ${said} from (select 1) as one left join ${table} on record = ?${inTransaction ? ' for update' : ''}`,
    values: [id, asked.its_nonce ?? id, record],
  }
}

/** `table` in backquotes, and what belongs to it. */
export function slotsOf(table: string): string {
  return `${table.slice(0, -1)}_slots\``
}
