import { gateClass, clockUs, named } from './statement.js'
import type { Statement } from './statement.js'

/** A step for one call, and for as many as there are. */
export interface Step {
  /** $1 the record, in hexadecimal digits; then what the step says. Answers one text. */
  readonly one: Statement
  /** The same parameters, each a list as a text: '{"a","b"}'. Answers as many texts, in the order of the calls, with commas between them. */
  readonly many: Statement
}

export interface StepStatements {
  readonly claim: Step
  /**
   * A claim that first reads, so that a duplicate writes nothing. To be used while the table is large, and under another generation each time that
   * it has become so: what is planned then finds its row by the key, and a plan that was made before would scan the table.
   */
  readonly claimKnowing: (generation: number) => Step
  readonly renew: Step
  readonly complete: Step
  readonly release: Step
}

/**
 * From what size on, in bytes, a table is large: 64 pages. To scan so many costs more by every planner's reckoning than to find one row by
 * its key.
 */
const largeBytes = 64 * 8_192

/**
 * How long a statement for many waits for a row, in milliseconds, before it fails and is sent again in halves. Steps are done with a row in less;
 * somebody who has locked one by hand is to hold up only those who ask for that one.
 */
const patienceMs = 500

const columns = 'state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms, record'

/** What a step does, in terms of `gate`: its calls, with the columns that `values` names, `record`, and the time `us`. */
interface StepText {
  readonly name: string
  /** The columns of a call after its record, with their types. */
  readonly values: Readonly<Record<string, string>>
  /** The answer to a call that reading gives, or null, in terms of `c`: the call. */
  readonly known?: string | undefined
  /** What is inserted, in the order of `columns`. */
  readonly inserted: string
  /** What follows ON CONFLICT, returning included. */
  readonly conflict: string
  /** The answer to a call, of `gate` and what the step returned. */
  readonly answer: string
  /** Whether the size of the table is said before the answers. */
  readonly sized?: true | undefined
}

/**
 * Writes the statements of the plain steps for `table`, a quoted name. Rules that hold for all of them:
 *
 * - The answer is one row with one text, always.
 * - Each writes by INSERT .. ON CONFLICT. The row is then found by its key, whatever the planner believes of the table, and judged as it is at
 *   that moment, not as it was when the statement began. An UPDATE would be planned while the table is empty, and scan it from then on.
 * - Records are written in their order, so that statements which meet at several of them wait for each other one way only.
 * - The clock is read once for each call, so that all columns are judged by the same time: after the lock, in microseconds (`us`). It reaches the
 *   conflicting row by way of `excluded`.
 */
export function writeStepStatements(table: string, lockIdOf: (hex: string) => string): StepStatements {
  const write = (text: StepText): Step => ({ one: writeOne(table, lockIdOf, text), many: writeMany(table, lockIdOf, text) })
  return {
    claim: write(claimText()),
    claimKnowing: (generation) => write(claimKnowingText(table, generation)),
    renew: write(renewText),
    complete: write(completeText),
    release: write(releaseText),
  }
}

function writeOne(table: string, lockIdOf: (hex: string) => string, text: StepText): Statement {
  const values = Object.entries({ hex: 'text', ...text.values }).map(([name, type], index) => `$${index + 1}::${type} as ${name}`)
  const calls = `(select ${values.join(', ')}) as c`
  return named(
    text.name,
    `with ${writeGate(calls, lockIdOf, text)},
${writeStep(table, '', text)}
select ${writeSize(table, text)}${text.answer} as answer from gate left join step on true`,
  )
}

/** A FULL JOIN is never done by nested loops, which would be quadratic: the planner takes every list for a short one. */
function writeMany(table: string, lockIdOf: (hex: string) => string, text: StepText): Statement {
  const names = ['hex', ...Object.keys(text.values)]
  const lists = ['text', ...Object.values(text.values)].map((type, index) => `$${index + 1}::text::${type}[]`)
  const calls = `(select set_config('lock_timeout', '${patienceMs}', true)) as patience,
    unnest(${lists.join(', ')}) with ordinality as c (${names.join(', ')}, place)`
  return named(
    `${text.name}_many`,
    `with ${writeGate(calls, lockIdOf, text)},
${writeStep(table, 'order by record', text)}
select ${writeSize(table, text)}string_agg(${text.answer}, ',' order by place) as answer
from gate full join step using (record)`,
  )
}

/** A duplicate needs no lock: it neither writes nor waits. What is known besides has to be told from what an open transaction does. */
function writeGate(calls: string, lockIdOf: (hex: string) => string, { known }: StepText): string {
  const lock = `pg_try_advisory_xact_lock_shared(${gateClass}, ${lockIdOf('c.hex')})`
  const passed = known ? `case when known is distinct from 'duplicate' then ${lock} end` : lock
  const from = known ? `(select c.*, ${known} as known from ${calls} offset 0) as c` : calls
  return `gate as materialized (
  select c.*, decode(c.hex, 'hex') as record, ${passed} as passed, ${clockUs} as us
  from ${from}
)`
}

function writeStep(table: string, order: string, { inserted, conflict, known }: StepText): string {
  return `step as (
  insert into ${table} as r (${columns})
  select ${inserted}, record from gate where passed${known ? ' and known is null' : ''} ${order}
  on conflict (record) ${conflict}
)`
}

function writeSize(table: string, { sized }: StepText): string {
  if (!sized) return ''
  return `case when pg_relation_size('${table}'::regclass) >= ${largeBytes} then 'large' else 'small' end || ',' || `
}

const overNow = 'r.over_ms <= excluded.token / 1000'
const sameClaim = 'r.nonce = excluded.nonce'
const claimed = "concat_ws(' ', 'claimed', token, attempts, lapses)"
const claims = {
  values: { nonce: 'text', lease: 'bigint', memory: 'bigint' },
  inserted: '0, us, nonce, 0, 0, us / 1000 + lease, us / 1000 + lease + memory, memory',
  sized: true,
} as const

/**
 * Answers 'large' or 'small', a comma, and 'claimed <token> <attempts> <lapses>' | 'busy <ms left>' | 'duplicate' | 'held'. It writes the row in any
 * case, as one that is not written does not come back.
 */
function claimText(): StepText {
  const anew = `(${overNow} or r.state <> 1 and r.until_ms <= excluded.token / 1000 and not ${sameClaim})`
  const taken = `(${anew} or r.state = 0 and ${sameClaim})`
  return {
    ...claims,
    name: 'claim',
    conflict: `do update set
    state = case when ${taken} then 0 else r.state end,
    token = case when ${anew} then greatest(r.token + 1, excluded.token) else r.token end,
    nonce = case when ${anew} then excluded.nonce else r.nonce end,
    attempts = case when ${overNow} then 0 else r.attempts end,
    lapses = case when ${overNow} then 0 when ${anew} and r.state = 0 then r.lapses + 1 else r.lapses end,
    until_ms = case when ${taken} then excluded.until_ms else r.until_ms end,
    over_ms = case when ${taken} then excluded.over_ms else r.over_ms end,
    memory_ms = case when ${taken} then excluded.memory_ms else r.memory_ms end
  returning record, state, token, nonce as holder, attempts, lapses, until_ms`,
    answer: `case
  when not passed then 'held'
  when state = 1 then 'duplicate'
  when state = 0 and holder = nonce then ${claimed}
  when state is not null then 'busy ' || greatest(1, until_ms - us / 1000)
end`,
  }
}

/**
 * Answers as a claim does, or 'changed', with nothing done: somebody has taken the record since the statement began.
 *
 * What is read is as old as the statement. Whose the record was then, and that it was consumed, is an answer all the same: the claim came at that
 * moment. A record that is free is judged again, as it is when it is written.
 *
 * It is read by a query for each call: a join with the table could always be planned as a scan of it.
 */
function claimKnowingText(table: string, generation: number): StepText {
  const nowMs = `${clockUs} / 1000`
  const overSeen = `r.over_ms <= ${nowMs}`
  const anew = `${overNow} or not ${sameClaim}`
  return {
    ...claims,
    name: 'claim_knowing',
    known: `(
    select case
      when ${overSeen} then null
      when r.state = 1 then 'duplicate'
      when r.state = 0 and r.nonce = c.nonce then null
      when r.until_ms > ${nowMs} or r.nonce = c.nonce then 'busy ' || greatest(1, r.until_ms - ${nowMs})
    end from ${table} as r where r.record = decode(c.hex, 'hex') /* ${generation} */
  )`,
    conflict: `do update set
    state = 0, nonce = excluded.nonce, until_ms = excluded.until_ms, over_ms = excluded.over_ms, memory_ms = excluded.memory_ms,
    token = case when ${anew} then greatest(r.token + 1, excluded.token) else r.token end,
    attempts = case when ${overNow} then 0 else r.attempts end,
    lapses = case when ${overNow} then 0 when r.state = 0 and not ${sameClaim} then r.lapses + 1 else r.lapses end
  where ${overNow} or r.state = 0 and ${sameClaim} or r.state <> 1 and r.until_ms <= excluded.token / 1000 and not ${sameClaim}
  returning record, token, attempts, lapses`,
    answer: `case when known = 'duplicate' then known when not passed then 'held' when known is not null then known when token is null then 'changed' else ${claimed} end`,
  }
}

/**
 * What `renew` and `release` insert where there is no record: one that is over already, which is the same as none. Until_ms and memory_ms only carry the
 * time to a row that is there.
 */
const nothing = (counts: string): string => `2, token, '', ${counts}, us / 1000 + ms, 0, ms`
const carriedNowMs = '(excluded.until_ms - excluded.memory_ms)'
const held = `r.state = 0 and r.token = excluded.token and r.over_ms > ${carriedNowMs}`
const saidOfHeld = "case when not passed then 'held' when over_ms > 0 then 'yes' else 'no' end"

/** Answers 'yes' | 'no' | 'held'. */
const renewText: StepText = {
  name: 'renew',
  values: { token: 'bigint', ms: 'bigint' },
  inserted: nothing('0, 0'),
  conflict: `do update set until_ms = excluded.until_ms, over_ms = excluded.until_ms + r.memory_ms
  where ${held}
  returning record, over_ms`,
  answer: saidOfHeld,
}

/** Answers 'yes' | 'no' | 'held'. */
const releaseText: StepText = {
  name: 'release',
  values: { token: 'bigint', ms: 'bigint', attempts: 'int', lapses: 'int' },
  inserted: nothing('attempts, lapses'),
  conflict: `do update set
    state = 2, attempts = excluded.attempts, lapses = excluded.lapses, until_ms = excluded.until_ms, over_ms = excluded.until_ms + r.memory_ms
  where ${held}
  returning record, over_ms`,
  answer: saidOfHeld,
}

const over = `r.over_ms <= ${carriedNowMs}`
const again = `r.state = 1 and r.token = excluded.token and not ${over}`

/** Answers 'yes' | 'no' | 'held'. A consumed record has no use for memory_ms: there it carries the window. */
const completeText: StepText = {
  name: 'complete',
  values: { token: 'bigint', ms: 'bigint' },
  inserted: "1, token, '', 0, 0, us / 1000 + ms, us / 1000 + ms, ms",
  conflict: `do update set
    state = 1, token = excluded.token, nonce = '', attempts = 0, lapses = 0, memory_ms = 0,
    until_ms = case when ${again} then r.until_ms else excluded.until_ms end,
    over_ms = case when ${again} then r.over_ms else excluded.over_ms end
  where r.token <= excluded.token or ${over}
  returning record, true as done`,
  answer: "case when not passed then 'held' when done then 'yes' else 'no' end",
}
