import { ConfigurationError } from '../../../src/index.js'
import { isThereAlready } from './faults.js'
import type { Asking } from './asking.js'

const recordTypes = {
  token: 'bigint',
  until_ms: 'bigint',
  over_ms: 'bigint',
  memory_ms: 'bigint',
  attempts: 'integer',
  lapses: 'integer',
  state: 'smallint',
  record: 'bytea',
  nonce: 'text',
}

/**
 * Half of each page stays free, so that what becomes of a record is written beside it and the index is left alone; an index on the times
 * would undo that.
 */
export function writeTable(table: string): string {
  return `create table if not exists ${table} (
  token bigint not null,
  until_ms bigint not null,      -- when lease, rest or window ends, in milliseconds since 1970
  over_ms bigint not null,       -- when the record is forgotten
  memory_ms bigint not null,     -- how long it outlives lease or rest
  attempts integer not null,
  lapses integer not null,
  state smallint not null,       -- 0 consuming, 1 consumed, 2 released
  record bytea primary key,      -- scope and key
  nonce text collate "C" not null
) with (fillfactor = 50)`
}

/** Safe to repeat, also for a role that may not create tables once they are there, and for several at once. */
export async function makeTables({ askOnce, tell }: Asking, tables: readonly string[], statements: readonly string[]): Promise<void> {
  const areThere = async (): Promise<boolean> => {
    for (const table of tables) {
      if ((await askOnce('select (to_regclass($1::text) is not null)::text as answer', [table])) !== 'true') return false
    }
    return true
  }
  // Several who make them at once get into each other's way, each by one statement at most.
  for (let tries = 0; !(await areThere()); tries += 1) {
    try {
      for (const statement of statements) await tell(statement)
    } catch (error) {
      if (!isThereAlready(error) || tries >= statements.length * 10) throw error
    }
  }
}

export const applySchema = (asking: Asking, table: string): Promise<void> => makeTables(asking, [table], [writeTable(table)])

/** $1 the table, $2 the column of its key. Answers what `checkTable` judges, as JSON. */
const looking = `with t as (select to_regclass($1::text)::oid as id)
select json_build_object(
  'readOnly', current_setting('transaction_read_only') = 'on',
  'columns', (select json_object_agg(attname, format_type(atttypid, atttypmod)) from pg_attribute where attrelid = id and attnum > 0 and not attisdropped),
  'keyed', exists (
    select from pg_index join pg_attribute on attrelid = indrelid and attname = $2::text
    where indrelid = id and indisunique and indisvalid and indpred is null and indexprs is null and indnkeyatts = 1 and indkey[0] = attnum
  ),
  'refused', (select json_agg(p) from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as p where not has_table_privilege(id, p))
)::text as answer from t`

interface Seen {
  readonly readOnly: boolean
  readonly columns: Readonly<Record<string, string>> | null
  readonly keyed: boolean
  readonly refused: readonly string[] | null
}

export const checkSchema = (asking: Asking, table: string): Promise<void> =>
  checkTable(asking, table, recordTypes, 'record', [writeTable(table)])

/** Throws a `ConfigurationError` unless the table is there, is ours, and may be used. */
export async function checkTable(
  { askOnce }: Asking,
  table: string,
  types: Readonly<Record<string, string>>,
  key: string,
  statements: readonly string[],
): Promise<void> {
  const { readOnly, columns, keyed, refused } = JSON.parse(await askOnce(looking, [table, key])) as Seen
  if (readOnly) {
    throw new ConfigurationError(
      'database',
      'database is read-only, a standby or a session with default_transaction_read_only, where nothing can be written; connect to the primary',
    )
  }
  const how = `Call applySchema() once, or run this where your migrations run:\n${statements.join(';\n')}`
  if (!columns) throw new ConfigurationError('table', `There is no table ${table}. ${how}`)
  const wrong = Object.entries(types).filter(([name, type]) => columns[name] !== type)
  if (wrong.length > 0) {
    const said = wrong.map(([name, type]) => `${name} must be ${type}, and is ${columns[name] ?? 'missing'}`)
    throw new ConfigurationError(
      'table',
      `The table ${table} is not one of Hapax (${said.join('; ')}). Name another one, or move it away. ${how}`,
    )
  }
  if (!keyed) {
    throw new ConfigurationError(
      'table',
      `The table ${table} has no primary key on ${key}: run alter table ${table} add primary key (${key})`,
    )
  }
  if (refused)
    throw new ConfigurationError(
      'table',
      `The table ${table} is not to be used by this role: run grant ${refused.join(', ')} on ${table} to it`,
    )
}
