import { mysqlStore } from 'hapax/stores/mysql'
import { storeCalls } from '../hapax.js'
import { openPool } from './pool.js'
import type { RowDataPacket } from 'mysql2/promise'
import type { Sweepable } from '../../child/sweeping.js'
import type { Setup } from '../../contract.js'

/** Only when it is told to. */
const sweepEveryMs = 2 ** 31 - 1

export const setup: Setup<Sweepable> = async (given) => {
  const pool = openPool(given)
  const store = mysqlStore(pool, { table: given.name, sweepEveryMs })
  await store.applySchema()
  return {
    ...storeCalls(given, store, 1),
    sweep: () => store.sweep(),
    async left() {
      const [rows] = await pool.query<RowDataPacket[]>(`select count(*) as many from ${given.name}`)
      return Number(rows[0]?.['many'])
    },
    close: () => pool.end(),
  }
}
