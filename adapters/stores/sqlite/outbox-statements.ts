import { laneCount } from '../../../src/index.js'
import { now } from './statements.js'

/** Where a message is that waits for nobody any more. */
const asideLane = -1
const sentLane = -2

/** The texts that one outbox sends. Each that writes answers a row for each row that it has written. */
export interface OutboxStatements {
  /** Makes the tables, their indexes and the lanes where they are missing. */
  readonly createTable: string
  /** Makes the lanes where they are missing, and fails where nothing can be written. */
  readonly fillLanes: string
  /** Values: JSON of [lane, key, head, body in hexadecimal] each. Their positions are in the order of the list. */
  readonly add: string
  /** Values: nonce, how many at most. The lanes had under the nonce; where there are none, free ones in which something waits. Only reads. */
  readonly lanesToTake: string
  /** Values: nonce, lease, nonce, how many at most. The lanes. */
  readonly takeLanes: string
  /** Values: lease, nonce, JSON of lanes. Those that are still had. */
  readonly keepLanes: string
  /** Values: rest, nonce, JSON of lanes. */
  readonly giveLanes: string
  /** Values: lane, how many at most. Messages that have failed, and whose rest is over. Only reads. */
  readonly readDue: string
  /** Values: lane, how many at most. Messages under whose ordering key none has failed. Only reads. */
  readonly readFresh: string
  /** Values: position. */
  readonly remove: string
  /** Values: for how long, position. */
  readonly keepSent: string
  /** Values: failures, rest, reason, position. */
  readonly fail: string
  /** Values: failures, reason, position. */
  readonly setAside: string
  /** Values: how many at most. Only reads. */
  readonly listSetAside: string
  /** Values: lane, position. */
  readonly sendAgain: string
  /** JSON of four numbers: waiting, failing, set aside, and for how long the oldest has waited. Only reads. */
  readonly depth: string
  /** Values: how many at most. The positions of sent messages that need not be kept any longer. Only reads. */
  readonly over: string
  /** What there is of the table of messages: name, type and place in the primary key of each column, indexes, and that positions never come again. */
  readonly parts: string
  /** The same of the table of lanes. */
  readonly laneParts: string
}

/** What has to be there for each of the two tables. */
export const partsOf = (name: string): readonly string[] => [
  'position integer 1',
  'lane integer 0',
  'failures integer 0',
  'due_ms integer 0',
  'added_ms integer 0',
  'key text 0',
  'head text 0',
  'reason text 0',
  'body blob 0',
  'autoincrement',
  `index ${name}_lane`,
  `index ${name}_failed`,
]
export const laneParts: readonly string[] = ['lane integer 1', 'until_ms integer 0', 'holder text 0']

/** Messages as they are read: position, lane, failures, key, head, body, reason. */
const columns = `position, lane % ${laneCount}, failures, key, head, body, reason`

/**
 * Which index serves is said where a table of messages is searched: an outbox is mostly empty, and what ANALYZE found then has SQLite scan the whole
 * table for as long as a connection is open. For the same reason a list of positions is no part of a statement: each is looked up by itself.
 */
export function outboxStatementsFor(name: string): OutboxStatements {
  const table = `"${name}"`
  const lanes = `"${name}_lanes"`
  const byLane = `indexed by "${name}_lane"`
  const fillLanes = `with recursive numbers (lane) as (values (0) union all select lane + 1 from numbers where lane < ${laneCount - 1})
insert into ${lanes} (lane, until_ms, holder) select lane, 0, '' from numbers where true on conflict (lane) do nothing`
  const lanesToTake = `with mine as (select lane from ${lanes} where holder = ? and until_ms > ${now}), free as (
  select lane from ${lanes} as l
  where until_ms <= ${now} and not exists (select 1 from mine) and (
    exists (select 1 from ${table} ${byLane} where lane = l.lane)
    or exists (select 1 from ${table} ${byLane} where lane = l.lane + ${laneCount} and due_ms <= ${now})
  ) order by until_ms, lane limit ?
)
select lane from mine union all select lane from free`

  return {
    // Unless a position is never given again, one that is late in being removed would be somebody else's.
    createTable: `create table if not exists ${table} (
  position integer primary key autoincrement,
  lane integer not null,         -- 0 to ${laneCount - 1}: waits; ${laneCount} more: has failed; ${asideLane}: set aside; ${sentLane}: sent
  failures integer not null,
  due_ms integer not null,       -- when a rest is over, or a sent message need not be kept any longer, in milliseconds since 1970; else 0
  added_ms integer not null,
  key text,                      -- the same for the same ordering key
  head text not null,            -- destination, ordering key, headers and id, as JSON
  reason text,                   -- what it failed with last
  body blob not null
) strict;
create index if not exists "${name}_lane" on ${table} (lane, due_ms, position, key);
create index if not exists "${name}_failed" on ${table} (key) where lane >= ${laneCount};
create table if not exists ${lanes} (
  lane integer primary key,
  until_ms integer not null,     -- when the lease or the rest is over
  holder text not null
) strict;
${fillLanes};`,

    fillLanes,

    add: `insert into ${table} (lane, key, head, body, failures, due_ms, added_ms)
select value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3), 0, 0, ${now} from json_each(?) as list order by list.key returning 1`,

    lanesToTake,

    takeLanes: `update ${lanes} set holder = ?, until_ms = ${now} + ? where lane in (${lanesToTake}) returning lane`,

    keepLanes: `update ${lanes} set until_ms = ${now} + ? where holder = ? and lane in (select value from json_each(?)) returning lane`,

    giveLanes: `update ${lanes} set until_ms = ${now} + ?, holder = '' where holder = ? and lane in (select value from json_each(?)) returning lane`,

    readDue: `select ${columns} from ${table} ${byLane}
where lane = ? + ${laneCount} and due_ms <= ${now} order by position limit ?`,

    readFresh: `select ${columns} from ${table} as waiting ${byLane}
where lane = ? and due_ms = 0 and not exists (
  select 1 from ${table} as failed indexed by "${name}_failed" where failed.key = waiting.key and failed.lane >= ${laneCount}
) order by position limit ?`,

    remove: `delete from ${table} where position = ? returning 1`,

    keepSent: `update ${table} set lane = ${sentLane}, due_ms = ${now} + ? where position = ? and lane <> ${sentLane} returning 1`,

    fail: `update ${table} set lane = ${laneCount} + lane % ${laneCount}, failures = ?, due_ms = ${now} + ?, reason = ?
where position = ? and lane >= 0 returning 1`,

    setAside: `update ${table} set lane = ${asideLane}, failures = ?, due_ms = 0, reason = ? where position = ? and lane >= 0 returning 1`,

    listSetAside: `select ${columns} from ${table} ${byLane} where lane = ${asideLane} and due_ms = 0 order by position limit ?`,

    sendAgain: `update ${table} set lane = ?, failures = 0, due_ms = 0 where position = ? and lane = ${asideLane} returning 1`,

    // By position rather than by its time, which no index has; the plus sign keeps SQLite from looking for it among the messages that are kept.
    depth: `select json_array(waiting, failing, (select count(*) from ${table} ${byLane} where lane = ${asideLane}),
  coalesce((select max(0, ${now} - added_ms) from ${table} where position = oldest), 0))
from (
  select count(*) as waiting, count(*) filter (where lane >= ${laneCount}) as failing, min(+position) as oldest
  from ${table} ${byLane} where lane >= 0
)`,

    over: `select position from ${table} ${byLane} where lane = ${sentLane} and due_ms <= ${now} order by due_ms limit ?`,

    parts: `${columnsOf(name)}
union all select 'autoincrement' from sqlite_schema where type = 'table' and name = '${name}' and lower(sql) like '%autoincrement%'
union all select 'index ' || name from pragma_index_list('${name}')`,

    laneParts: columnsOf(`${name}_lanes`),
  }
}

function columnsOf(name: string): string {
  return `select name || ' ' || lower(type) || ' ' || pk from pragma_table_info('${name}')`
}
