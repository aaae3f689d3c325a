import { ConfigurationError, laneCount } from '../../../src/index.js'
import { textsOf } from './clients.js'
import { lanesOf, writeOutboxTables } from './outbox-statements.js'
import { checkTable, howToMake, refusing } from './schema.js'
import type { Send } from './clients.js'
import type { Place } from './schema.js'

const messageTypes = {
  position: 'bigint',
  lane: 'smallint',
  due_ms: 'bigint',
  added_ms: 'bigint',
  failures: 'int',
  key: 'char',
  head: 'longtext',
  reason: 'text',
  body: 'longblob',
}

const laneTypes = { lane: 'smallint', until_ms: 'bigint', holder: 'varbinary' }

/** Everything, for those who run migrations. */
export function writeOutboxSchema(table: string): string {
  return `${writeOutboxTables(table).join(';\n\n')};`
}

/** Safe to repeat, and for several at once. */
export async function applyOutboxSchema(send: Send, table: string): Promise<void> {
  const [messages = '', lanes = ''] = writeOutboxTables(table)
  await send(messages)
  await send(lanes)
  await fillLanes(send, table)
}

/** Throws a `ConfigurationError` unless both tables are there, are ours, and can be written. */
export async function checkOutboxSchema(send: Send, place: Place): Promise<void> {
  const { table, name } = place
  const how = howToMake(writeOutboxSchema(table))
  await refusing({ table, what: 'the outbox', how, unable: 'nothing can be published' }, async () => {
    await checkTable(send, place, { types: messageTypes, key: 'position', how })
    await checkTable(send, { ...place, table: lanesOf(table), name: `${name}_lanes` }, { types: laneTypes, key: 'lane', how })
    if ((await seeIndex(send, place)) !== 'lane due_ms position key') {
      throw new ConfigurationError(
        'table',
        `The table ${table} has no index lane_due: run alter table ${table} add key lane_due (lane, due_ms, \`position\`, \`key\`)`,
      )
    }
    await fillLanes(send, table)
    // Writes nothing, and is refused where nothing can be written.
    await send(`update ${table} set lane = lane where \`position\` = 0`)
    await send(`delete from ${table} where \`position\` = 0`)
    await send(`update ${lanesOf(table)} set until_ms = until_ms where lane = ${laneCount}`)
  })
}

/** Where all lanes are there, nothing is written. */
async function fillLanes(send: Send, table: string): Promise<void> {
  const [, , fill = ''] = writeOutboxTables(table)
  const [count] = textsOf(await send(`select concat(count(*)) as answer from ${lanesOf(table)}`))
  if (Number(count) < laneCount) await send(fill)
}

async function seeIndex(send: Send, { name, schema }: Place): Promise<string> {
  const rows = await send(
    `select concat(column_name) as answer from information_schema.statistics
    where index_name = 'lane_due' and table_name = '${name}' and table_schema = ${schema === undefined ? 'database()' : `'${schema}'`} order by seq_in_index`,
  )
  return textsOf(rows).join(' ')
}
