import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { webhook } from '../../examples/webhook.js'
import { redisUrl } from '../services/places.js'
import { openPayments } from './payments.js'
import type { AddressInfo } from 'node:net'
import type { Store } from 'hapax'
import type { Payments } from './payments.js'

let payments: Payments
const endings: (() => void)[] = []

beforeAll(async () => {
  payments = await openPayments()
  process.env.PAYMENTS_URL = payments.url
})
afterAll(async () => {
  for (const end of endings) end()
  await payments.close()
})

/** What the sender of the webhook calls. */
async function listen(store: Store): Promise<(body: unknown) => Promise<Response>> {
  const server = webhook(store).listen(0, '127.0.0.1')
  await once(server, 'listening')
  endings.push(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return (body) => fetch(url, { method: 'POST', body: JSON.stringify(body), headers: { connection: 'close' } })
}

function openRedis(): Store {
  const redis = new Redis(redisUrl)
  endings.push(() => redis.disconnect())
  return redisStore(redis, { prefix: `hapax-test-${randomUUID()}:` })
}

test('an order that is sent three times is charged once', async () => {
  const send = await listen(openRedis())
  const texts: string[] = []
  for (let times = 0; times < 3; times += 1) {
    const response = await send({ id: 'thrice', cents: 500 })
    expect(response.status).toBe(200)
    texts.push(await response.text())
  }
  expect(texts).toEqual(['handled', 'duplicate', 'duplicate'])
  expect(payments.charged.filter((id) => id === 'thrice')).toHaveLength(1)
})

test('while it is being charged, the sender is told to come back', async () => {
  const send = await listen(openRedis())
  const release = payments.hold('slow')
  const first = send({ id: 'slow', cents: 500 })
  await expect.poll(() => payments.pending.has('slow')).toBe(true)

  const second = await send({ id: 'slow', cents: 500 })
  expect(second.status).toBe(409)
  const retryAfter = Number(second.headers.get('retry-after'))
  expect(retryAfter).toBeGreaterThan(0)
  expect(retryAfter).toBeLessThanOrEqual(30)

  release()
  expect(await (await first).text()).toBe('handled')
  expect(await (await send({ id: 'slow', cents: 500 })).text()).toBe('duplicate')
})

test('what fails is not remembered as done', async () => {
  const send = await listen(openRedis())
  payments.answer('failing', 500)
  expect((await send({ id: 'failing', cents: 500 })).status).toBe(500)
  expect(await (await send({ id: 'failing', cents: 500 })).text()).toBe('handled')
  expect((await send('no order')).status).toBe(500)
})

test('with the store away nothing is charged', async () => {
  const redis = new Redis('redis://127.0.0.1:1', { retryStrategy: () => null })
  redis.on('error', () => undefined)
  endings.push(() => redis.disconnect())
  const send = await listen(redisStore(redis))
  const response = await send({ id: 'nobody-knows', cents: 500 })
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).toBe('5')
  expect(payments.charged).not.toContain('nobody-knows')
})
