/** The same business transaction, without any record. */
import { openPool } from '../postgres/pool.js'
import { insertOrder, makeOrders } from './orders-postgres.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => {
  const pool = openPool(given)
  await makeOrders(given, pool)
  return {
    async call(id) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await insertOrder(given, client, id)
        await given.handle(id)
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}
