/**
 * Written by hand with mysql2: an upsert claims and answers who has the key, an update completes; both prepared. It remembers no attempts and no lapses.
 */
import { createHash } from 'node:crypto'
import { openPool } from './pool.js'
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import type { Calls, Setup } from '../../contract.js'

/** What says that the key is consumed; what owners are called begins after it. */
const consumed = 1

const table = (name: string): string => `create table if not exists ${name} (
  record binary(16) primary key,
  expires_at datetime(3) not null,
  token bigint not null
) engine = InnoDB`

/** record, lease in microseconds, token. Answers who has it. */
const claimReturning = (
  name: string,
): string => `insert into ${name} (record, expires_at, token) values (?, utc_timestamp(3) + interval ? microsecond, ?)
  on duplicate key update
    token = if(expires_at <= utc_timestamp(3), values(token), token),
    expires_at = if(token = values(token), values(expires_at), expires_at)
  returning token`

/** The same for MySQL, which returns no rows here: who had it is told as the id that was inserted, 0 where nobody had. */
const claimTelling = (
  name: string,
): string => `insert into ${name} (record, expires_at, token) values (?, utc_timestamp(3) + interval ? microsecond, ?)
  on duplicate key update
    token = last_insert_id(if(expires_at <= utc_timestamp(3), values(token), token)),
    expires_at = if(token = values(token), values(expires_at), expires_at)`

/** Window in microseconds, record, token. */
const complete = (name: string): string =>
  `update ${name} set token = ${consumed}, expires_at = utc_timestamp(3) + interval ? microsecond where record = ? and token = ?`

export const setup: Setup<Calls> = async (given) => {
  const { name, handle } = given
  const pool = openPool(given)
  await pool.query(table(name))
  const returns = given.settings['flavour'] === 'MariaDB'
  const [claimText, completeText] = [returns ? claimReturning(name) : claimTelling(name), complete(name)]
  let tokens = consumed
  return {
    async call(order) {
      const record = createHash('md5').update(order).digest()
      const token = (tokens += 1)
      const [answer] = await pool.execute<RowDataPacket[] | ResultSetHeader>(claimText, [record, 30_000_000, token])
      const owner = Array.isArray(answer) ? Number(answer[0]?.['token']) : answer.insertId || token
      if (owner === consumed) return
      if (owner !== token) throw new Error(`${order} is busy`)
      await handle(order)
      const [{ affectedRows }] = await pool.execute<ResultSetHeader>(completeText, [86_400_000_000, record, token])
      if (affectedRows !== 1) throw new Error(`${order} was taken by somebody else`)
    },
    close: () => pool.end(),
  }
}
