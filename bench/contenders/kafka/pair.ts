/** What somebody writes by hand: `SET NX GET` before the handler and `SET` after it, which finds out nothing about who holds the key. */
import { leaseMs, windowMs } from '../redis/scripts.js'
import type { Redis } from 'ioredis'
import type { Given } from '../../contract.js'

export async function handleOnce({ name, handle }: Given, redis: Redis, id: string): Promise<void> {
  const record = `${name}:${id}`
  const held = await redis.set(record, 'P', 'PX', leaseMs, 'NX', 'GET')
  // Somebody handles it, or has: both are skipped, and the first of the two may yet die.
  if (held !== null) return
  await handle(id)
  await redis.set(record, 'C', 'PX', windowMs)
}
