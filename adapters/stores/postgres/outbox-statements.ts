import { laneCount } from '../../../src/index.js'

/** Where a message is that waits for nobody any more. */
const asideLane = -1
const sentLane = -2

/** A lane is read until so many bytes of bodies are together, one message at least: an answer cannot be longer than 1 GB. */
const mostBytesOfLane = 4 * 1_048_576

/** How many sent messages one batch of the sweep removes at most. */
export const sweptAtOnce = 1_000

const nowMs = '(extract(epoch from clock_timestamp()) * 1000)::bigint'
/** The same for all lanes of a statement: they are to be free again together. */
const sinceMs = '(extract(epoch from statement_timestamp()) * 1000)::bigint'
const numbers = (parameter: string, type: string): string => `any(string_to_array(${parameter}::text, ' ')::${type}[])`

/** The name of the table of lanes that belongs to a table of messages; both are quoted. */
export function lanesOf(table: string): string {
  return table.replace(/"$/, '_lanes"')
}

/** The statements that make the tables. */
export function writeOutboxTables(table: string): readonly string[] {
  const index = table.replace(/^.*"(\w+)"$/, '"$1_lane"')
  return [
    `create table if not exists ${table} (
  position bigint generated always as identity primary key,
  due_ms bigint not null,        -- when a rest is over, or a sent message need not be kept any longer, in milliseconds since 1970
  added_ms bigint not null,
  failures integer not null,
  lane smallint not null,        -- 0 to ${laneCount - 1}: waits; ${laneCount} more: has failed; ${asideLane}: set aside; ${sentLane}: sent
  key text collate "C",          -- the same for the same ordering key
  head text not null,            -- destination, ordering key, headers and id, as JSON
  reason text,                   -- what it failed with last
  body bytea not null
)`,
    `create index if not exists ${index} on ${table} (lane, position)`,
    `create table if not exists ${lanesOf(table)} (
  lane smallint primary key,
  until_ms bigint not null,      -- when the lease or the rest is over
  holder text collate "C" not null
) with (fillfactor = 20)`,
    fillLanes(table),
  ]
}

export function fillLanes(table: string): string {
  return `insert into ${lanesOf(table)} (lane, until_ms, holder) select lane, 0, '' from generate_series(0, ${laneCount - 1}) as lane on conflict do nothing`
}

/**
 * Writes the statements for `table`, a quoted name. Each answers one row with one text. Lists of numbers cross over as text with spaces in between, messages as JSON with their
 * bodies in base64: nothing that a client or its type parsers could change.
 *
 * None but `add` is prepared: an outbox is mostly empty, and a plan that was made for an empty table scans it for ever. That costs little, as one serves many messages.
 */
export function writeOutboxStatements(table: string, channel: string | undefined) {
  const lanes = lanesOf(table)
  const tell = channel === undefined ? "''" : `pg_notify('${channel}', '')`
  const waits = (lane: string): string =>
    `(select m.position from ${table} as m where m.lane = ${lane} order by m.position limit 1) is not null`
  const isDue = (lane: string): string =>
    `(select m.position from ${table} as m where m.lane = ${lane} + ${laneCount} and m.due_ms <= ${nowMs} order by m.position limit 1) is not null`
  const entry = "json_build_array(position, lane, key, failures, head, encode(body, 'base64'), reason)"

  return {
    /** $1 JSON of [lane, key, head, body] each. Their positions are in the order of the list. */
    add: `with added as (
  insert into ${table} (lane, key, head, body, failures, due_ms, added_ms)
  select (e.value ->> 0)::smallint, e.value ->> 1, e.value ->> 2, decode(e.value ->> 3, 'base64'), 0, 0, ${nowMs}
  from json_array_elements($1::json) with ordinality as e (value, place) order by e.place
  returning position
)
select concat(count(*), ${tell}) as answer from added`,

    /**
     * $1 nonce, $2 how many at most, $3 lease ms. Answers lanes. Whether something waits is looked up lane by lane: a scalar subquery is never made
     * into a join that reads all that waits.
     */
    takeLanes: `with mine as (
  select lane from ${lanes} where holder = $1::text and until_ms > ${sinceMs}
), free as (
  select lane from ${lanes} as l
  where until_ms <= ${sinceMs} and not exists (select from mine) and (${waits('l.lane')} or ${isDue('l.lane')})
  order by until_ms, lane limit $2::int for update skip locked
), taken as (
  update ${lanes} set holder = $1::text, until_ms = ${sinceMs} + $3::bigint
  where lane in (select lane from mine union all select lane from free) returning lane
)
select coalesce(string_agg(lane::text, ' '), '') as answer from taken`,

    /** $1 nonce, $2 lanes, $3 lease ms. Answers lanes. */
    keepLanes: `with kept as (
  update ${lanes} set until_ms = ${sinceMs} + $3::bigint where holder = $1::text and lane = ${numbers('$2', 'smallint')} returning lane
)
select coalesce(string_agg(lane::text, ' '), '') as answer from kept`,

    /** $1 nonce, $2 lanes, $3 rest ms. */
    giveLanes: `with given as (
  update ${lanes} set until_ms = ${sinceMs} + $3::bigint, holder = '' where holder = $1::text and lane = ${numbers('$2', 'smallint')} returning lane
)
select count(*)::text as answer from given`,

    /** $1 lanes, $2 how many at most of each, and no more bytes than fit into one answer. Answers JSON. */
    read: `select coalesce(json_agg(${entry} order by lane, position), '[]')::text as answer
from unnest(string_to_array($1::text, ' ')::smallint[]) as l (l)
cross join lateral (
  select * from (
    select *, coalesce(sum(octet_length(body)) over (order by failures = 0, position rows between unbounded preceding and 1 preceding), 0) as before
    from (
      (
        select position, l.l as lane, key, failures, head, body, reason from ${table} as m
        where m.lane = l.l + ${laneCount} and m.due_ms <= ${nowMs} order by m.position limit $2::int
      ) union all (
        select position, lane, key, failures, head, body, reason from ${table} as m
        where m.lane = l.l and not exists (select from ${table} as f where f.lane = l.l + ${laneCount} and f.key = m.key)
        order by m.position limit $2::int
      )
    ) as both_kinds order by failures = 0, position limit $2::int
  ) as counted where before < ${mostBytesOfLane}
) as found`,

    /** $1 positions. */
    remove: `with gone as (delete from ${table} where position = ${numbers('$1', 'bigint')} returning position)
select count(*)::text as answer from gone`,

    /** $1 positions, $2 ms to keep them. */
    keepSent: `with kept as (
  update ${table} set lane = ${sentLane}, due_ms = ${nowMs} + $2::bigint
  where position = ${numbers('$1', 'bigint')} and lane <> ${sentLane} returning position
)
select count(*)::text as answer from kept`,

    /** $1 position, $2 failures, $3 rest ms, $4 reason. */
    fail: `with failed as (
  update ${table} set lane = ${laneCount} + lane % ${laneCount}, failures = $2::int, due_ms = ${nowMs} + $3::bigint, reason = $4::text
  where position = $1::bigint and lane >= 0 returning position
)
select count(*)::text as answer from failed`,

    /** $1 position, $2 failures, $3 reason. Answers how many were set aside. */
    setAside: `with aside as (
  update ${table} set lane = ${asideLane}, failures = $2::int, reason = $3::text where position = $1::bigint and lane >= 0 returning position
)
select count(*)::text as answer from aside`,

    /** $1 how many at most. Answers JSON. */
    listSetAside: `select coalesce(json_agg(${entry} order by position), '[]')::text as answer
from (select * from ${table} where lane = ${asideLane} order by position limit $1::int) as found`,

    /** $1 JSON of [position, lane] each. Answers how many there were. */
    sendAgain: `with moved as (
  update ${table} as m set lane = (e.value ->> 1)::smallint, failures = 0, due_ms = 0
  from json_array_elements($1::json) as e (value) where m.position = (e.value ->> 0)::bigint and m.lane = ${asideLane} returning m.position
)
select count(*)::text as answer from moved`,

    /** Answers four numbers. */
    depth: `select concat_ws(' ', count(*) filter (where lane >= 0), count(*) filter (where lane >= ${laneCount}), count(*) filter (where lane = ${asideLane}),
  coalesce(greatest(0, ${nowMs} - min(added_ms) filter (where lane >= 0)), 0)) as answer from ${table} where lane >= ${asideLane}`,

    /** Answers how many were removed. */
    sweep: `with gone as (
  delete from ${table} where position = any(array(
    select position from ${table} where lane = ${sentLane} and due_ms <= ${nowMs} order by lane, position limit ${sweptAtOnce} for update skip locked
  )) returning position
)
select count(*)::text as answer from gone`,
  }
}
