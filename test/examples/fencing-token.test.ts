import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, expect, test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { invoicing } from '../../examples/fencing-token.js'
import { redisUrl } from '../services/places.js'

const prefix = `hapax-test-${randomUUID()}:`
const database = new Redis(redisUrl, { keyPrefix: prefix })
const clients: Redis[] = [database]
afterAll(() => clients.forEach((client) => client.disconnect()))

function connect(): Redis {
  const redis = new Redis(redisUrl)
  clients.push(redis)
  return redis
}

test('a holder that was cut off and comes back too late does not overwrite the work of its successor', async () => {
  const order = { orderId: 'order-1', cents: 500 }
  const cutOff = connect()
  let isStalled = false
  let comeBack = (): void => undefined
  const stall = new Promise<void>((resolve) => (comeBack = resolve))

  const first = invoicing(
    redisStore(cutOff, { prefix }),
    database,
    async () => {
      // From now on it cannot renew its lease.
      cutOff.disconnect()
      isStalled = true
      await stall
      return 'by the first'
    },
    500,
  )
  const second = invoicing(redisStore(connect(), { prefix }), database, async () => 'by the second', 500)

  const late = first.once(order).then(
    () => 'written',
    (error: Error) => error.message,
  )
  await expect.poll(() => isStalled).toBe(true)
  await expect.poll(async () => (await second.once(order)).status, { timeout: 10_000 }).toBe('handled')
  comeBack()
  expect(await late).toBe('A newer claim has written the invoice of order-1')
  expect(await database.hget('invoice:order-1', 'body')).toBe('by the second')
})

test('a handler that nobody overtook writes, also again after it failed', async () => {
  let fails = true
  const render = async (): Promise<string> => {
    if (fails) throw new Error('no paper')
    return 'rendered'
  }
  const handler = invoicing(redisStore(connect(), { prefix }), database, render)
  await expect(handler.once({ orderId: 'order-2', cents: 500 })).rejects.toThrow('no paper')
  fails = false
  expect((await handler.once({ orderId: 'order-2', cents: 500 })).status).toBe('handled')
  expect(await database.hget('invoice:order-2', 'body')).toBe('rendered')
})
