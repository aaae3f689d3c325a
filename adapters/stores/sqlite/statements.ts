import { refuse, refuseUnless } from '../../../src/index.js'

/** The texts that one store sends. Each step is one statement; its answer is the first value of its first row. */
export interface Statements {
  /** Makes the table and its index where they are missing. */
  readonly createTable: string
  /** Values: record, nonce twice. `duplicate` or `busy <ms>` where a claim would be refused; no row where it has to be tried. Only reads. */
  readonly refused: string
  /** Values: record, least token, nonce, lease, lease and memory, memory, nonce. `claimed <token> <attempts> <lapses>`, `busy <ms>` or `duplicate`. */
  readonly claim: string
  /** Values: lease twice, record, token. A row, or none when the claim does not hold the record. */
  readonly renew: string
  /** Values: record, token, window twice, token. `done`, or `newer` when there is a newer claim. */
  readonly complete: string
  /** Values: rest, rest, attempts, lapses, record, token. A row, or none when the claim does not hold the record. */
  readonly release: string
  /** Values: record, own token or 0 three times. As `refused`, for `claimIn`. Only reads. */
  readonly refusedIn: string
  /** Values: record, least token, nonce, window twice, own token or 0 three times, nonce. `claimed <token>`, `busy` or `duplicate`. */
  readonly claimIn: string
  /** Values: how many at most. A row for each record that was over, and is gone now. */
  readonly sweep: string
  /** Name, type and place in the primary key of each column. */
  readonly columns: string
  /** Changes nothing, and fails where nothing can be changed. */
  readonly probe: string
}

/** Throws a `ConfigurationError` for a name that SQLite would not have, or has for itself. */
export function refuseUnlessTable(table: string, good: string): void {
  refuseUnless.identifier('table', table, good)
  if (/^sqlite_/i.test(table))
    throw refuse('table', table, "a name that does not begin with 'sqlite_', which SQLite keeps for itself", `'${good}'`)
}

/** Milliseconds since 1970, the same all through one statement. */
export const now = "cast(round(unixepoch('subsec') * 1000) as integer)"

const columns = 'record, state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms'

export function statementsFor(name: string): Statements {
  const table = `"${name}"`
  const least = `max(${now} * 1000, cast(? as integer))`

  return {
    createTable: `create table if not exists ${table} (
  record blob not null primary key,
  state integer not null,
  token integer not null,
  nonce text not null,
  attempts integer not null,
  lapses integer not null,
  until_ms integer not null,
  over_ms integer not null,
  memory_ms integer not null
) strict, without rowid;
create index if not exists "${name}_over" on ${table} (over_ms);`,

    refused: `select case when state = 1 then 'duplicate' else 'busy ' || max(1, until_ms - ${now}) end
from ${table} where record = ? and over_ms > ${now}
and (state = 1 or (state = 0 and nonce <> ? and until_ms > ${now}) or (state = 2 and (nonce = ? or until_ms > ${now})))`,

    claim: `insert into ${table} as old (${columns})
values (?, 0, ${least}, ?, 0, 0, ${now} + ?, ${now} + ?, ?)
on conflict (record) do update set (state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms) = (
  select iif(how = 'held', old.state, 0),
    iif(how in ('held', 'again'), old.token, max(old.token + 1, excluded.token)),
    iif(how = 'held', old.nonce, excluded.nonce),
    iif(how = 'gone', 0, old.attempts),
    iif(how = 'gone', 0, old.lapses + (how = 'lapsed')),
    iif(how = 'held', old.until_ms, excluded.until_ms),
    iif(how = 'held', old.over_ms, excluded.over_ms),
    iif(how = 'held', old.memory_ms, excluded.memory_ms)
  from (select case
    when old.over_ms <= ${now} then 'gone'
    when old.state = 0 and old.nonce = excluded.nonce then 'again'
    when old.state = 0 and old.until_ms <= ${now} then 'lapsed'
    when old.state = 2 and old.until_ms <= ${now} and old.nonce <> excluded.nonce then 'rested'
    else 'held' end as how))
returning case
  when state = 1 then 'duplicate'
  when state = 0 and nonce = ? then 'claimed ' || token || ' ' || attempts || ' ' || lapses
  else 'busy ' || max(1, until_ms - ${now}) end`,

    renew: `update ${table} set until_ms = ${now} + ?, over_ms = ${now} + ? + memory_ms
where record = ? and token = ? and state = 0 and over_ms > ${now} returning 'done'`,

    complete: `insert into ${table} as old (${columns})
values (?, 1, ?, '', 0, 0, ${now} + ?, ${now} + ?, 0)
on conflict (record) do update set (state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms) = (
  select iif(kept, old.state, 1), iif(kept, old.token, excluded.token), iif(kept, old.nonce, ''),
    iif(kept, old.attempts, 0), iif(kept, old.lapses, 0),
    iif(kept, old.until_ms, excluded.until_ms), iif(kept, old.over_ms, excluded.over_ms), iif(kept, old.memory_ms, 0)
  from (select old.over_ms > ${now} and (old.token > excluded.token or (old.token = excluded.token and old.state = 1)) as kept))
returning iif(token > ?, 'newer', 'done')`,

    release: `update ${table} set state = 2, until_ms = ${now} + ?, over_ms = ${now} + ? + memory_ms, attempts = ?, lapses = ?
where record = ? and token = ? and state = 0 and over_ms > ${now} returning 'done'`,

    refusedIn: `select iif(state = 1, 'duplicate', 'busy') from ${table}
where record = ? and over_ms > ${now} and ${heldFromTransaction('')}`,

    claimIn: `insert into ${table} as old (${columns})
values (?, 1, ${least}, ?, 0, 0, ${now} + ?, ${now} + ?, 0)
on conflict (record) do update set (state, token, nonce, attempts, lapses, until_ms, over_ms, memory_ms) = (
  select iif(held, old.state, 1), iif(held, old.token, max(old.token + 1, excluded.token)), iif(held, old.nonce, excluded.nonce),
    iif(held, old.attempts, 0), iif(held, old.lapses, 0),
    iif(held, old.until_ms, excluded.until_ms), iif(held, old.over_ms, excluded.over_ms), iif(held, old.memory_ms, 0)
  from (select old.over_ms > ${now} and ${heldFromTransaction('old.')} as held))
returning case when state <> 1 then 'busy' when nonce = ? then 'claimed ' || token else 'duplicate' end`,

    sweep: `delete from ${table} where record in (select record from ${table} where over_ms <= ${now} order by over_ms limit ?) returning 1`,

    columns: `select name || ' ' || lower(type) || ' ' || pk from pragma_table_info('${name}')`,

    probe: `update ${table} set token = token where record = x''`,
  }
}

/** Whether a transaction may not take a record that is not over. Values: the token of its own claim, or 0, three times. */
function heldFromTransaction(of: '' | 'old.'): string {
  const superseded = `(cast(? as integer) > 0 and ${of}token > cast(? as integer))`
  const byAnother = `(${of}until_ms > ${now} and not (${of}state = 0 and ${of}token = cast(? as integer)))`
  return `(${of}state = 1 or ${superseded} or ${byAnother})`
}
