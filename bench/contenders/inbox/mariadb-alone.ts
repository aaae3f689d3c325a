/** The same business transaction, without any record. */
import { openPool } from '../mariadb/pool.js'
import { insertOrder, makeOrders } from './orders-mariadb.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => {
  const pool = openPool(given)
  await makeOrders(given, pool)
  return {
    async call(id) {
      const connection = await pool.getConnection()
      try {
        await connection.beginTransaction()
        await insertOrder(given, connection, id)
        await given.handle(id)
        await connection.commit()
      } finally {
        connection.release()
      }
    },
    close: () => pool.end(),
  }
}
