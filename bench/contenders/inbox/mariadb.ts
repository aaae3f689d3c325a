/** The effect and its record in one transaction. */
import { inboxCalls } from '../hapax.js'
import { openStore } from '../mariadb/pool.js'
import { insertOrder, makeOrders } from './orders-mariadb.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => {
  const { pool, store, close } = await openStore(given)
  await makeOrders(given, pool)
  const calls = inboxCalls(store, async ({ id }, tx) => {
    await insertOrder(given, tx, id)
    await given.handle(id)
  })
  return { ...calls, close }
}
