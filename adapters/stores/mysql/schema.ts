import { ConfigurationError, systemRandom } from '../../../src/index.js'
import { textsOf } from './clients.js'
import { isDeadlock, isDenied, isNoTable, isReadOnly } from './faults.js'
import { nowMs } from './forms.js'
import { slots, slotsOf } from './statements.js'
import type { Send } from './clients.js'
import type { Flavour } from './server.js'

const recordTypes = {
  record: 'varbinary',
  state: 'smallint',
  token: 'bigint',
  attempts: 'int',
  lapses: 'int',
  nonce: 'varbinary',
  step: 'varbinary',
  until_ms: 'bigint',
  memory_ms: 'bigint',
  over_ms: 'bigint',
}

function recordsTable(table: string): string {
  return `create table if not exists ${table} (
  record varbinary(255) not null primary key, -- scope and key
  state smallint not null,                    -- 0 consuming, 1 consumed, 2 released
  token bigint not null,
  attempts int not null,
  lapses int not null,
  nonce varbinary(4000) not null,             -- of the last claim
  step varbinary(64) not null,                -- the call that wrote the row last
  until_ms bigint not null,                   -- when lease, rest or window ends, in milliseconds since 1970
  memory_ms bigint not null,                  -- how long the record outlives lease or rest
  over_ms bigint not null,                    -- when it is forgotten
  key over_ms (over_ms)
) engine = InnoDB`
}

/** Rows that stand for locks: see `mysqlStep`. */
function slotTable(table: string): readonly string[] {
  const digits = Array.from({ length: 16 }, (_, digit) => (digit === 0 ? 'select 0 as d' : `select ${digit}`)).join(' union all ')
  return [
    `create table if not exists ${slotsOf(table)} (
  slot int unsigned not null primary key
) engine = InnoDB`,
    `insert ignore into ${slotsOf(table)}
  with hex as (${digits})
  select a.d + 16 * b.d + 256 * c.d + 4096 * e.d from hex as a, hex as b, hex as c, hex as e`,
  ]
}

/** Everything, for those who run migrations. */
export function writeSchema(table: string): string {
  const [create = '', fill = ''] = slotTable(table)
  return `${recordsTable(table)};\n\n-- For MySQL. MariaDB does without.\n${create};\n${fill};`
}

/** Safe to repeat, and for several at once. */
export async function applySchema(send: Send, flavour: Flavour, table: string): Promise<void> {
  await send(recordsTable(table))
  if (flavour === 'mariadb') return
  const [create = '', fill = ''] = slotTable(table)
  await send(create)
  for (let tries = 1; (await countSlots(send, table)) < 2 * slots; tries += 1) {
    try {
      await send(fill)
    } catch (error) {
      if (!isDeadlock(error) || tries >= 10) throw error
    }
  }
}

async function countSlots(send: Send, table: string): Promise<number> {
  const [text] = textsOf(await send(`select concat(count(*)) as answer from ${slotsOf(table)}`))
  return Number(text)
}

/** A table as users name it. */
export interface Place {
  /** In backquotes, with its database if one is named. */
  readonly table: string
  readonly name: string
  readonly schema: string | undefined
}

export async function checkSchema(send: Send, flavour: Flavour, place: Place): Promise<void> {
  const { table } = place
  const how = howToMake(writeSchema(table))
  await refusing({ table, what: 'the store', how, unable: 'nothing can be claimed' }, async () => {
    const seen = await checkTable(send, place, { types: recordTypes, key: 'record', how })
    if ((seen.get('record')?.length ?? 0) < 255) {
      throw new ConfigurationError('table', `The table ${table} has no record varbinary(255) that alone is its primary key. ${how}`)
    }
    if (flavour === 'mysql' && (await countSlots(send, table)) < 2 * slots) {
      throw new ConfigurationError('table', `The table ${slotsOf(table)} is not full. ${how}`)
    }
    // Writes nothing, and is refused where nothing can be written.
    const nobody = Buffer.from(systemRandom.nonce())
    await send(`update ${table} set step = step where record = ?`, [nobody])
    await send(`delete from ${table} where record = ?`, [nobody])
  })
}

export function howToMake(statements: string): string {
  return `Call applySchema() once, or run this where your migrations run:\n${statements}`
}

/** Throws a `ConfigurationError` unless the table is there, and is ours. Answers its columns. */
export async function checkTable(
  send: Send,
  place: Place,
  { types, key, how }: { readonly types: Readonly<Record<string, string>>; readonly key: string; readonly how: string },
): Promise<ReadonlyMap<string, Column>> {
  const { table } = place
  const seen = await seeColumns(send, place)
  if (seen.size === 0) throw new ConfigurationError('table', `There is no table ${table}. ${how}`)
  const wrong = Object.entries(types).filter(([name, type]) => seen.get(name)?.type !== type)
  if (wrong.length > 0) {
    const said = wrong.map(([name, type]) => `${name} must be ${type}, and is ${seen.get(name)?.type ?? 'missing'}`)
    throw new ConfigurationError(
      'table',
      `The table ${table} is not one of Hapax (${said.join('; ')}). Name another one, or move it away. ${how}`,
    )
  }
  const keys = [...seen].filter(([, column]) => column.key === 'PRI').map(([name]) => name)
  if (keys.join() !== key) {
    throw new ConfigurationError('table', `The table ${table} has no ${key} ${types[key] ?? ''} that alone is its primary key. ${how}`)
  }
  const { engine } = seen.get(key) ?? {}
  if (engine !== 'InnoDB') {
    throw new ConfigurationError(
      'table',
      `The table ${table} has no transactions (engine ${engine}): run alter table ${table} engine = InnoDB`,
    )
  }
  return seen
}

/** Says in our words what the server refuses while a table is looked at. */
export async function refusing(
  { table, what, how, unable }: { readonly table: string; readonly what: string; readonly how: string; readonly unable: string },
  look: () => Promise<void>,
): Promise<void> {
  try {
    await look()
  } catch (error) {
    if (isNoTable(error)) throw new ConfigurationError('table', `A table of ${what} is missing. ${how}`, { cause: error })
    if (isReadOnly(error)) {
      throw new ConfigurationError(
        'database',
        `database takes no writes, a replica or a read-only session, so that ${unable}; connect to the primary`,
        { cause: error },
      )
    }
    if (isDenied(error)) {
      throw new ConfigurationError('table', `This user may not use ${table}: grant it SELECT, INSERT, UPDATE and DELETE`, { cause: error })
    }
    throw error
  }
}

interface Column {
  readonly type: string
  readonly key: string
  readonly length: number
  readonly engine: string
}

async function seeColumns(send: Send, { name, schema }: Place): Promise<ReadonlyMap<string, Column>> {
  const rows = await send(
    `select concat_ws(' ', c.column_name, c.data_type, coalesce(c.character_maximum_length, 0), t.engine, c.column_key) as answer
    from information_schema.columns as c join information_schema.tables as t using (table_schema, table_name)
    where table_name = '${name}' and table_schema = ${schema === undefined ? 'database()' : `'${schema}'`}`,
  )
  return new Map(
    textsOf(rows).map((text) => {
      const [column = '', type = '', length = '0', engine = '', key = ''] = text.split(' ')
      return [column, { type, key, length: Number(length), engine }]
    }),
  )
}

/** How many records one batch of the sweep removes at most, and how many one statement of it. */
export const sweptAtOnce = 1_000
const deletedAtOnce = 200
/** On MySQL a step reads what it has just written: for so long a record is left there that was over at once. */
const unreadMs = 1_000

/**
 * Finds without a lock what is over, then removes it by its keys: a search that locks would lock what it passes, too. What somebody is at work on is left to the next
 * sweep. Answers how many were found.
 */
export async function sweepOnce(send: Send, flavour: Flavour, table: string): Promise<number> {
  const over = `over_ms <= ${nowMs} - ${flavour === 'mysql' ? unreadMs : 0}`
  const found = textsOf(await send(`select hex(record) as answer from ${table} where ${over} limit ${sweptAtOnce}`))
  for (let from = 0; from < found.length; from += deletedAtOnce) {
    const records = found.slice(from, from + deletedAtOnce).map((text) => Buffer.from(text, 'hex'))
    const among = records.map(() => '?').join(', ')
    await send(
      // In this order: a join that began with the table itself would wait for the rows that are to be skipped.
      `delete gone from (
  select record from ${table} force index (primary) where record in (${among}) and ${over} for update skip locked
) as swept straight_join ${table} as gone force index (primary) on gone.record = swept.record`,
      records,
    )
  }
  return found.length
}
