import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { lambda } from '../../examples/sqs-lambda.js'
import { redisUrl } from '../services/places.js'
import { openPayments } from './payments.js'
import type { Payments } from './payments.js'

const redis = new Redis(redisUrl)
const handler = lambda(redisStore(redis, { prefix: `hapax-test-${randomUUID()}:` }))
let payments: Payments

beforeAll(async () => {
  payments = await openPayments()
  process.env.PAYMENTS_URL = payments.url
})
afterAll(async () => {
  await redis.quit()
  await payments.close()
})

async function invoke(...records: readonly (readonly [messageId: string, body: unknown])[]): Promise<string[]> {
  const { batchItemFailures } = await handler({ Records: records.map(([messageId, body]) => ({ messageId, body: JSON.stringify(body) })) })
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
}

test('what is handled, and what was before, leaves the queue', async () => {
  expect(await invoke(['1', { id: 'a', cents: 100 }], ['2', { id: 'b', cents: 100 }])).toEqual([])
  expect(await invoke(['3', { id: 'a', cents: 100 }], ['4', { id: 'c', cents: 100 }])).toEqual([])
  expect(payments.charged.toSorted()).toEqual(['a', 'b', 'c'])
})

test('a duplicate in the same batch is busy, and is a duplicate when it comes again', async () => {
  const [failed, ...others] = await invoke(['1', { id: 'twin', cents: 100 }], ['2', { id: 'twin', cents: 100 }])
  expect(others).toEqual([])
  expect(await invoke([failed as string, { id: 'twin', cents: 100 }])).toEqual([])
  expect(payments.charged.filter((id) => id === 'twin')).toHaveLength(1)
})

test('what fails is delivered again, alone', async () => {
  payments.answer('failing', 500)
  expect(await invoke(['1', { id: 'failing', cents: 100 }], ['2', { id: 'fine', cents: 100 }], ['3', 'no order'])).toEqual(['1', '3'])
  expect(await invoke(['1', { id: 'failing', cents: 100 }])).toEqual([])
  expect(payments.charged.filter((id) => id === 'failing' || id === 'fine').toSorted()).toEqual(['failing', 'fine'])
})
