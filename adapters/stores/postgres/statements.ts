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

/** A statement for one table. */
export type Statements = Readonly<Record<'claim' | 'renew' | 'complete' | 'release' | 'claimIn' | 'sweep', Statement>>

/** How many records one batch of the sweep removes at most. */
export const sweptAtOnce = 1_000

/**
 * Two classes of advisory locks, "hapx" and "hapy", so that we do not meet the locks of others. Both are held until the transaction ends.
 *
 * - turn: taken by `claimIn`, one at a time. Who does not get it at once has met another open transaction on the key.
 * - gate: shared by all plain steps, as long as one statement takes. `claimIn`, once it has the turn, takes the gate for itself: it waits for
 *   statements that are under way, never for a transaction. A plain step that does not get through at once has met an open transaction, and
 *   does not go on to wait for its row.
 */
const turnClass = 0x68617079
const gateClass = 0x68617078

const clockUs = '(extract(epoch from clock_timestamp()) * 1000000)::bigint'
const columns = 'state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms, record'
const record = "decode($1::text, 'hex')"

/**
 * Writes the statements for `table`, a quoted name. Rules that hold for all of them:
 *
 * - $1 is the record, in hexadecimal digits. The answer is one row with one text, always.
 * - Each is an INSERT .. ON CONFLICT. The row is then found by its key, whatever the planner believes of the table, and judged as it is at
 *   that moment, not as it was when the statement began. An UPDATE would be planned while the table is empty, and scan it from then on.
 * - The clock is read once, so that all columns are judged by the same time: after the lock, in microseconds (`us`). It reaches the
 *   conflicting row by way of `excluded`.
 */
export function writeStatements(table: string): Statements {
  // A hash that meets another one's makes a key seem busy for a moment, no more. The table is in it: records of two tables do not meet.
  const lockId = `(hashtextextended($1::text collate "C", '${table}'::regclass::oid::bigint) >> 32)::int`
  const gate = `gate as materialized (
  select pg_try_advisory_xact_lock_shared(${gateClass}, ${lockId}) as passed, ${clockUs} as us
)`
  return {
    claim: named('claim', claimText(table, gate)),
    renew: named('renew', renewText(table, gate)),
    complete: named('complete', completeText(table, gate)),
    release: named('release', releaseText(table, gate)),
    claimIn: named('claim_in', claimInText(table, lockId)),
    sweep: named('sweep', sweepText(table)),
  }
}

/** $2 nonce, $3 lease ms, $4 memory ms. Answers 'claimed <token> <attempts> <lapses>' | 'busy <ms left>' | 'duplicate' | 'held'. */
function claimText(table: string, gate: string): string {
  const nowMs = 'excluded.token / 1000'
  const over = `r.over_ms <= ${nowMs}`
  const again = 'r.nonce = excluded.nonce'
  const anew = `(${over} or r.state <> 1 and r.until_ms <= ${nowMs} and not ${again})`
  const taken = `(${anew} or r.state = 0 and ${again})`
  return `with ${gate},
step as (
  insert into ${table} as r (${columns})
  select 0, us, $2::text, 0, 0, us / 1000 + $3::bigint, us / 1000 + $3::bigint + $4::bigint, $4::bigint, ${record} from gate where passed
  on conflict (record) do update set
    state = case when ${taken} then 0 else r.state end,
    token = case when ${anew} then greatest(r.token + 1, excluded.token) else r.token end,
    nonce = case when ${anew} then excluded.nonce else r.nonce end,
    attempts = case when ${over} then 0 else r.attempts end,
    lapses = case when ${over} then 0 when ${anew} and r.state = 0 then r.lapses + 1 else r.lapses end,
    until_ms = case when ${taken} then excluded.until_ms else r.until_ms end,
    over_ms = case when ${taken} then excluded.over_ms else r.over_ms end,
    memory_ms = case when ${taken} then excluded.memory_ms else r.memory_ms end
  returning state, token, nonce = $2::text as ours, attempts, lapses, until_ms
)
select case
  when not passed then 'held'
  when state = 1 then 'duplicate'
  when state = 0 and ours then concat_ws(' ', 'claimed', token, attempts, lapses)
  when state is not null then 'busy ' || greatest(1, until_ms - us / 1000)
end as answer from gate left join step on true`
}

/**
 * What `renew` and `release` insert where there is no record: one that is over already, which is the same as none. Until_ms only carries the
 * time to a row that is there.
 */
const nothing = `2, $2::bigint, '', $4::int, $5::int, us / 1000 + $3::bigint, 0, 0, ${record}`
const held = 'r.state = 0 and r.token = excluded.token and r.over_ms > excluded.until_ms - $3::bigint'
const saidOfHeld = `case when not passed then 'held' when over_ms > 0 then 'yes' else 'no' end as answer from gate left join step on true`

/** $2 token, $3 lease ms. Answers 'yes' | 'no' | 'held'. */
function renewText(table: string, gate: string): string {
  return `with ${gate},
step as (
  insert into ${table} as r (${columns})
  select ${nothing.replace('$4::int, $5::int', '0, 0')} from gate where passed
  on conflict (record) do update set until_ms = excluded.until_ms, over_ms = excluded.until_ms + r.memory_ms
  where ${held}
  returning over_ms
)
select ${saidOfHeld}`
}

/** $2 token, $3 rest ms, $4 attempts, $5 lapses. Answers 'yes' | 'no' | 'held'. */
function releaseText(table: string, gate: string): string {
  return `with ${gate},
step as (
  insert into ${table} as r (${columns})
  select ${nothing} from gate where passed
  on conflict (record) do update set
    state = 2, attempts = excluded.attempts, lapses = excluded.lapses, until_ms = excluded.until_ms, over_ms = excluded.until_ms + r.memory_ms
  where ${held}
  returning over_ms
)
select ${saidOfHeld}`
}

/** $2 token, $3 window ms. Answers 'yes' | 'no' | 'held'. */
function completeText(table: string, gate: string): string {
  const over = 'r.over_ms <= excluded.until_ms - $3::bigint'
  const again = `r.state = 1 and r.token = excluded.token and not ${over}`
  return `with ${gate},
step as (
  insert into ${table} as r (${columns})
  select 1, $2::bigint, '', 0, 0, us / 1000 + $3::bigint, us / 1000 + $3::bigint, 0, ${record} from gate where passed
  on conflict (record) do update set
    state = 1, token = excluded.token, nonce = '', attempts = 0, lapses = 0, memory_ms = 0,
    until_ms = case when ${again} then r.until_ms else excluded.until_ms end,
    over_ms = case when ${again} then r.over_ms else excluded.over_ms end
  where r.token <= excluded.token or ${over}
  returning true as done
)
select case when not passed then 'held' when done then 'yes' else 'no' end as answer from gate left join step on true`
}

/**
 * $2 window ms, $3 token of the claim that the caller holds, or 0. Answers 'claimed' | 'busy' | 'duplicate'.
 *
 * A consumed record has no use for memory_ms: there it says what this statement found, as a row that comes back does not tell who wrote it.
 */
function claimInText(table: string, lockId: string): string {
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
  insert into ${table} as r (${columns})
  select 1, us, '', 0, 0, us / 1000 + $2::bigint, us / 1000 + $2::bigint, 1, ${record} from gate
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
