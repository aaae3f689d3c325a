import { laneCount } from '../../../src/index.js'
import { nowMs } from './forms.js'

/** Where a message is that waits for nobody any more. */
const asideLane = -1
const sentLane = -2

/** How many sent messages one batch of the sweep removes at most. */
export const sweptAtOnce = 1_000

/** A longer body is read in slices of so many bytes: what a function answers with has to fit into `max_allowed_packet`. */
export const sliceBytes = 262_144

/** Stands for a body that is longer. */
export const longBody = '*'

/** The name of the table of lanes that belongs to a table of messages; both are in backquotes. */
export function lanesOf(table: string): string {
  return `${table.slice(0, -1)}_lanes\``
}

/** The statements that make the tables. */
export function writeOutboxTables(table: string): readonly string[] {
  const lanes = Array.from({ length: laneCount }, (_, lane) => `(${lane}, 0, '')`)
  return [
    `create table if not exists ${table} (
  \`position\` bigint not null auto_increment primary key,
  lane smallint not null,              -- 0 to ${laneCount - 1}: waits; ${laneCount} more: has failed, or is sent again; ${asideLane}: set aside; ${sentLane}: sent
  due_ms bigint not null,              -- when a rest is over, or a sent message need not be kept any longer, in milliseconds since 1970
  added_ms bigint not null,
  failures int not null,
  \`key\` char(32) character set ascii collate ascii_bin,          -- the same for the same ordering key
  head longtext character set ascii collate ascii_bin not null,  -- destination, ordering key, headers and id, as JSON
  reason text character set utf8mb4,   -- what it failed with last
  body longblob not null,
  key lane_due (lane, due_ms, \`position\`, \`key\`)
) engine = InnoDB`,
    `create table if not exists ${lanesOf(table)} (
  lane smallint not null primary key,
  until_ms bigint not null,            -- when the lease or the rest is over
  holder varbinary(255) not null
) engine = InnoDB`,
    `insert into ${lanesOf(table)} (lane, until_ms, holder)\nvalues ${lanes.join(', ')}\non duplicate key update until_ms = until_ms`,
  ]
}

/**
 * Writes the statements for `table`, a name in backquotes. Lists of numbers cross over as JSON, and each row of an answer as one text: nothing that a client or its
 * type casts could change.
 *
 * Rows are looked for without a lock, and locked by their primary keys alone: a statement that locked by the index of lanes, or read in an update what it does not
 * change, would wait for messages that open transactions have added, or keep them from adding more.
 */
export function writeOutboxStatements(table: string) {
  const lanes = lanesOf(table)
  const byLane = 'force index (lane_due)'
  const list = (columns: string): string => `json_table(convert(? using utf8mb4), '$[*]' columns (${columns})) as asked`
  const lanesAsked = list(`lane smallint path '$'`)
  const positionsAsked = list(`\`position\` bigint path '$'`)
  // MySQL cannot lock beside a list that it has not made into a table.
  const positionsListed = `(select distinct \`position\` from ${positionsAsked}) as asked`
  // Read in this order, and by this index, whatever the optimizer makes of the sizes of both.
  const thoseLanes = `straight_join ${lanes} as l force index (primary) on l.lane = asked.lane`
  const thoseMessages = `straight_join ${table} as m force index (primary) on m.\`position\` = asked.\`position\``

  const exists = (lane: string, due: string): string =>
    `(select m.\`position\` from ${table} as m ${byLane} where m.lane = ${lane} and m.due_ms ${due} limit 1) is not null`
  const oldest = (which: string): string =>
    `(select min((select m.added_ms from ${table} as m force index (primary) where m.\`position\` = (
    select min(w.\`position\`) from ${table} as w ${byLane} where ${which}
  ))) from ${lanes} as l)`
  const count = (lane: string): string => `(select count(*) from ${table} ${byLane} where lane ${lane})`
  const entry = `concat_ws(' ', m.\`position\`, m.lane, m.failures, ifnull(m.\`key\`, '-'), to_base64(ifnull(m.reason, '')),
  ifnull(if(length(m.body) <= ${sliceBytes}, to_base64(m.body), null), '${longBody}'), m.head) as answer`

  return {
    /** Of each message: lane, key or nothing, head, body. Their positions are in the order of the list. */
    add: (messages: number) =>
      `insert into ${table} (lane, \`key\`, head, body, failures, due_ms, added_ms)
values ${Array.from({ length: messages }, () => `(?, nullif(?, ''), ?, ?, 0, 0, ${nowMs})`).join(', ')}`,

    maxPacket: 'select concat(@@max_allowed_packet) as answer',

    /**
     * Nonce. Answers lanes that are had under it, each with a 1, and lanes that can be taken, each with a 0. Whether something waits is looked up lane by lane: a
     * scalar subquery is never made into a join that reads all that waits. Nor has it an order, for which MySQL would sort all of a lane.
     */
    findLanes: (most: number) => `(
  select concat_ws(' ', lane, 1) as answer from ${lanes} where holder = ? and until_ms > ${nowMs}
) union all (
  select concat_ws(' ', l.lane, 0) from ${lanes} as l
  where l.until_ms <= ${nowMs} and (${exists('l.lane', '= 0')} or ${exists(`l.lane + ${laneCount}`, `<= ${nowMs}`)})
  order by l.until_ms, l.lane limit ${most}
)`,

    /** Lanes, nonce, lease ms, nonce. */
    takeLanes: `update ${lanesAsked} ${thoseLanes}
set l.holder = ?, l.until_ms = ${nowMs} + cast(? as signed) where l.until_ms <= ${nowMs} or l.holder = ?`,

    /** Lanes, lease ms, nonce. */
    keepLanes: `update ${lanesAsked} ${thoseLanes} set l.until_ms = ${nowMs} + cast(? as signed) where l.holder = ?`,

    /** Lanes, rest ms, nonce. */
    giveLanes: `update ${lanesAsked} ${thoseLanes} set l.until_ms = ${nowMs} + cast(? as signed), l.holder = '' where l.holder = ?`,

    /** Lanes, nonce. Answers those of them that are had under it. */
    hadLanes: `select concat(l.lane) as answer from ${lanesAsked} ${thoseLanes} where l.holder = ? and l.until_ms > ${nowMs}`,

    /**
     * Of each lane: that of its failed messages, the same, its own. Answers entries, up to `most` of either kind of each lane: which of them count is for the
     * reader to say, as the database would copy them to sort them. What waits behind a failed message is passed over in the index alone.
     */
    read: (lanesRead: number, most: number): string => {
      const those = `straight_join ${table} as m force index (primary) on m.\`position\` = found.\`position\``
      const failed = `select ${entry} from (
    select \`position\` from ${table} ${byLane} where lane = cast(? as signed) and due_ms <= ${nowMs} order by \`position\` limit ${most}
  ) as found ${those}`
      const fresh = `select ${entry} from (
    select w.\`position\` from ${table} as w ${byLane}
    left join (select distinct f.\`key\` from ${table} as f ${byLane} where f.lane = cast(? as signed) and f.\`key\` is not null) as failed on failed.\`key\` = w.\`key\`
    where w.lane = cast(? as signed) and w.due_ms = 0 and failed.\`key\` is null order by w.\`position\` limit ${most}
  ) as found ${those}`
      return Array.from({ length: lanesRead }, () => `(\n  ${failed}\n) union all (\n  ${fresh}\n)`).join(' union all ')
    },

    /** Where to begin, counted from 1; position. */
    slice: `select to_base64(substr(body, cast(? as signed), ${sliceBytes})) as answer from ${table} where \`position\` = cast(? as signed)`,

    /** Positions. */
    remove: `delete m from ${positionsAsked} ${thoseMessages}`,

    /** Positions, ms to keep them. */
    keepSent: `update ${positionsAsked} ${thoseMessages}
set m.lane = ${sentLane}, m.due_ms = ${nowMs} + cast(? as signed) where m.lane <> ${sentLane}`,

    /** Positions (one), failures, rest ms, reason. */
    fail: `update ${positionsAsked} ${thoseMessages}
set m.lane = ${laneCount} + m.lane mod ${laneCount}, m.failures = ?, m.due_ms = ${nowMs} + cast(? as signed), m.reason = ? where m.lane >= 0`,

    /** Positions (one), failures, a number that nobody else has, reason. */
    setAside: `update ${positionsAsked} ${thoseMessages}
set m.lane = ${asideLane}, m.failures = ?, m.due_ms = cast(? as signed), m.reason = ? where m.lane >= 0`,

    /** Positions (one), the number. Answers whether it was set aside with that. */
    isAside: `select concat(count(*)) as answer from ${positionsAsked} ${thoseMessages} where m.lane = ${asideLane} and m.due_ms = cast(? as signed)`,

    /** Answers entries. */
    listSetAside: (most: number) => `select ${entry}
from (select \`position\` from ${table} ${byLane} where lane = ${asideLane} order by \`position\` limit ${most}) as found
join ${table} as m on m.\`position\` = found.\`position\``,

    /** Positions. Answers those that are set aside. */
    findAside: `select concat(m.\`position\`) as answer from ${positionsAsked} ${thoseMessages} where m.lane = ${asideLane}`,

    /** Positions. Answers and locks those that are set aside. */
    lockAside: `select concat(m.\`position\`) as answer from ${positionsListed} ${thoseMessages} where m.lane = ${asideLane} for update`,

    /** [position, lane] each. */
    sendAgain: `update ${list(`\`position\` bigint path '$[0]', lane smallint path '$[1]'`)} ${thoseMessages}
set m.lane = asked.lane, m.failures = 0, m.due_ms = 0 where m.lane = ${asideLane}`,

    /** Answers four numbers. The oldest message of a lane is the one at its lowest position. */
    depth: `select concat_ws(' ', ${count('>= 0')}, ${count(`>= ${laneCount}`)}, ${count(`= ${asideLane}`)}, greatest(0, ${nowMs} - least(
  coalesce(${oldest('w.lane = l.lane and w.due_ms = 0')}, ${nowMs}), coalesce(${oldest(`w.lane = l.lane + ${laneCount}`)}, ${nowMs})
))) as answer`,

    /** Positions. In this order: a join that began with the table itself would wait for the rows that are to be skipped. */
    sweep: `delete gone from (
  select m.\`position\` from ${positionsListed} ${thoseMessages} where m.lane = ${sentLane} for update skip locked
) as swept straight_join ${table} as gone force index (primary) on gone.\`position\` = swept.\`position\``,

    /** Answers positions. */
    findSwept: `select concat(\`position\`) as answer from ${table} ${byLane} where lane = ${sentLane} and due_ms <= ${nowMs} order by due_ms, \`position\` limit ${sweptAtOnce}`,
  }
}
