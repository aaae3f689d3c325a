import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'
import { anyNonsense, nonsense } from './nonsense.js'
import type { HandlerOptions, Outcome } from 'hapax'

interface Played {
  readonly decode?: () => unknown
  readonly key?: () => unknown
  readonly handler?: () => unknown
}

const place = { topic: 'orders', groupId: 'billing' }

/** One message through all of it, and a good one after it. */
async function play({ decode = () => 'm', key = () => 'a key', handler = () => undefined }: Played): Promise<Outcome> {
  const broker = memoryBroker()
  const outcomes: Outcome[] = []
  let isGood = false
  const transport = memoryTransport(broker, { ...place, decode: () => (isGood ? 'good' : decode()) })
  const wrapped = idempotent(() => (isGood ? undefined : handler()), {
    store: memoryStore(),
    scope: 'billing.charge',
    key: (() => (isGood ? 'good' : key())) as HandlerOptions<unknown>['key'],
    maxAttempts: 1,
    onOutcome: (outcome) => outcomes.push(outcome),
  })
  const consumption = await transport.consume(wrapped)
  await broker.publish([{ destination: 'orders', body: 'm', orderingKey: 'same' }])
  await broker.idle()
  const letters = broker.deadLetters(place)
  isGood = true
  await broker.publish([{ destination: 'orders', body: 'm', orderingKey: 'same' }])
  await broker.idle()
  expect(consumption.status).toBe('running')
  await consumption.stop()
  const [outcome, next] = outcomes
  expect(next).toMatchObject({ status: 'handled', key: 'good' })
  if (!outcome) throw new Error('There is no outcome')
  expect(letters).toHaveLength(outcome.status === 'dead-lettered' ? 1 : 0)
  for (const { reason, headers } of letters) {
    expect(typeof reason).toBe('string')
    expect(headers['hapax-reason']).toMatch(/^[^\u0000-\u001f]{1,1000}$/)
  }
  return outcome
}

const throws = (value: unknown) => () => {
  // oxlint-disable-next-line typescript/only-throw-error -- which is the point
  throw value
}
/** Errors whose message is none. */
const strangeErrors: readonly unknown[] = nonsense.map((message) => Object.defineProperty(new Error('m'), 'message', { value: message }))
const thrown = fc.oneof(anyNonsense, fc.constantFrom(...strangeErrors), fc.constant(undefined))

test('whatever decode throws, or rejects with, the message is set aside with a reason', async () => {
  for (const value of strangeErrors) expect(await play({ decode: throws(value) })).toMatchObject({ status: 'dead-lettered' })
  await fc.assert(
    fc.asyncProperty(thrown, async (value) => {
      expect(await play({ decode: throws(value) })).toMatchObject({ status: 'dead-lettered', key: undefined })
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- likewise
      expect(await play({ decode: () => Promise.reject(value) })).toMatchObject({ status: 'dead-lettered', key: undefined })
    }),
  )
})

test('whatever key gives or throws, a message without a text for a key is set aside', async () => {
  await fc.assert(
    fc.asyncProperty(thrown, async (value) => {
      expect(await play({ key: throws(value) })).toMatchObject({ status: 'dead-lettered', key: undefined })
      const hasKey = typeof value === 'string' && value !== ''
      expect(await play({ key: () => value })).toMatchObject(hasKey ? { status: 'handled', key: value } : { status: 'dead-lettered' })
    }),
  )
})

test('whatever a handler throws, that is a failure', async () => {
  for (const value of strangeErrors) expect(await play({ handler: throws(value) })).toMatchObject({ status: 'dead-lettered' })
  await fc.assert(
    fc.asyncProperty(thrown, async (value) => {
      expect(await play({ handler: throws(value) })).toMatchObject({ status: 'dead-lettered', attempts: 1, error: value })
    }),
  )
})

test('whatever was decoded, it is handed over', async () => {
  const values = nonsense.filter((value) => !(value instanceof Promise))
  for (const value of values) expect(await play({ decode: () => value })).toMatchObject({ status: 'handled' })
})
