import { clockUs, gateClass, lockIdIn, named, turnClass } from './statement.js'
import { writeStepStatements } from './step-statements.js'
import type { Statement } from './statement.js'
import type { StepStatements } from './step-statements.js'

/** All for one table. */
export interface Statements {
  readonly steps: StepStatements
  readonly claimIn: Statement
  readonly sweep: Statement
}

/** How many records one batch of the sweep removes at most. */
export const sweptAtOnce = 1_000

/** Writes the statements for `table`, a quoted name. */
export function writeStatements(table: string): Statements {
  return {
    steps: writeStepStatements(table, lockIdIn(table)),
    claimIn: named('claim_in', claimInText(table)),
    sweep: named('sweep', sweepText(table)),
  }
}

/**
 * $1 the record in hexadecimal digits, $2 window ms, $3 token of the claim that the caller holds, or 0. Answers 'claimed' | 'busy' | 'duplicate'.
 * Like the plain steps, it is an INSERT .. ON CONFLICT, with the clock read once, after the locks.
 *
 * A consumed record has no use for memory_ms: there it says what this statement found, as a row that comes back does not tell who wrote it.
 */
function claimInText(table: string): string {
  const lockId = lockIdIn(table)('$1::text')
  const nowMs = 'excluded.token / 1000'
  const over = `r.over_ms <= ${nowMs}`
  const own = 'r.state = 0 and r.token = $3::bigint'
  const superseded = '$3::bigint > 0 and r.token > $3::bigint'
  const free = `(${over} or r.state <> 1 and (${own} or r.until_ms <= ${nowMs}) and not (${superseded}))`
  const kept = ['state', 'nonce', 'attempts', 'lapses', 'until_ms', 'over_ms']
  return `with turn as materialized (
  select pg_try_advisory_xact_lock(${turnClass}, ${lockId}) as ours
),
gate as materialized (
  select pg_advisory_xact_lock(${gateClass}, ${lockId}) as passed, ${clockUs} as us from turn where ours
),
step as (
  insert into ${table} as r (state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms, record)
  select 1, us, '', 0, 0, us / 1000 + $2::bigint, us / 1000 + $2::bigint, 1, decode($1::text, 'hex') from gate
  on conflict (record) do update set
    token = case when ${free} then greatest(r.token + 1, excluded.token) else r.token end,
    ${kept.map((column) => `${column} = case when ${free} then excluded.${column} else r.${column} end`).join(',\n    ')},
    memory_ms = case when ${free} then 1 when r.state = 1 then 2 else r.memory_ms end
  returning state, memory_ms
)
select case
  when not ours then 'busy'
  when state = 1 and memory_ms = 1 then 'claimed'
  when state = 1 then 'duplicate'
  when state is not null then 'busy'
end as answer from turn left join step on true`
}

/** Answers how many records it removed. What somebody is at work on is left to the next sweep. */
function sweepText(table: string): string {
  return `with swept as (
  delete from ${table} where ctid = any(array(
    select ctid from ${table} where over_ms <= (select ${clockUs} / 1000) limit ${sweptAtOnce} for update skip locked
  )) returning 1
)
select count(*)::text as answer from swept`
}
