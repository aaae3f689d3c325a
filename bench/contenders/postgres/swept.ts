import { storeCalls } from '../hapax.js'
import { postgresStore } from 'hapax/stores/postgres'
import { openPool } from './pool.js'
import type { Sweepable } from '../../child/sweeping.js'
import type { Setup } from '../../contract.js'

/** Only when it is told to. */
const sweepEveryMs = 2 ** 31 - 1

export const setup: Setup<Sweepable> = async (given) => {
  const pool = openPool(given)
  const store = postgresStore(pool, { table: given.name, sweepEveryMs })
  await store.applySchema()
  return {
    ...storeCalls(given, store, 1),
    sweep: () => store.sweep(),
    left: async () => (await pool.query<{ left: number }>(`select count(*)::int as left from ${given.name}`)).rows[0]?.left ?? 0,
    close: () => pool.end(),
  }
}
