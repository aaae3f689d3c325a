/**
 * Written by hand with pg: a prepared statement reads and claims, another completes. It promises less: a key that was claimed between reading and
 * inserting is answered with no row, and there is no memory of attempts and lapses.
 */
import { createHash } from 'node:crypto'
import { openPool } from './pool.js'
import type { Calls, Setup } from '../../contract.js'

const table = (name: string): string => `create table if not exists ${name} (
  key uuid primary key,
  expires_at timestamptz not null,
  token bigint
) with (fillfactor = 90)`

/** $1 key, $2 token, $3 lease in milliseconds. Answers `claimed`, `consumed` or `busy`, or no row where somebody was quicker. */
const claim = (name: string): string => `with current as materialized (
  select token from ${name} where key = $1 and expires_at > clock_timestamp()
), claimed as (
  insert into ${name} as held (key, expires_at, token)
  select $1, clock_timestamp() + $3 * interval '1 ms', $2 where not exists (select from current)
  on conflict (key) do update set token = excluded.token, expires_at = excluded.expires_at where held.expires_at <= clock_timestamp()
  returning 1
)
select 'claimed' as status from claimed
union all select case when token is null then 'consumed' else 'busy' end from current`

/** $1 key, $2 token, $3 window in milliseconds. Answers a row unless somebody else holds the key. */
const complete = (name: string): string => `insert into ${name} as held (key, expires_at, token)
  values ($1, clock_timestamp() + $3 * interval '1 ms', null)
  on conflict (key) do update set token = null, expires_at = excluded.expires_at where held.token = $2
  returning 1`

export const setup: Setup<Calls> = async (given) => {
  const { name, handle } = given
  const pool = openPool(given)
  await pool.query(table(name))
  const [claimText, completeText] = [claim(name), complete(name)]
  let tokens = 0
  return {
    async call(order) {
      const key = createHash('md5').update(order).digest('hex')
      const token = (tokens += 1)
      const { rows } = await pool.query<{ status: string }>({ name: 'claim', text: claimText, values: [key, token, 30_000] })
      const status = rows[0]?.status ?? 'busy'
      if (status === 'consumed') return
      if (status === 'busy') throw new Error(`${order} is busy`)
      await handle(order)
      const { rowCount } = await pool.query({ name: 'complete', text: completeText, values: [key, token, 86_400_000] })
      if (rowCount !== 1) throw new Error(`${order} was taken by somebody else`)
    },
    close: () => pool.end(),
  }
}
