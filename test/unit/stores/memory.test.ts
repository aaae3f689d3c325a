import { expect, test } from 'vitest'
import { hasCode, recordKey } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { manualClock, storeSuite, transactionalStoreSuite } from 'hapax/testing'
import type { Claim, Store } from 'hapax'
import type { MemoryTransaction } from 'hapax/stores/memory'

const clock = manualClock()
const shared = memoryStore({ clock })
const open = () => ({ store: shared, close: () => undefined })
const passTime = (ms: number) => clock.advance(ms)

const inProcess = { cannot: 'it lives in this process' }
for (const each of storeSuite({ open, clock, passTime, openUnreachable: inProcess, forget: inProcess })) test(each.name, each.run)

const rows = new Set<string>()
const suite = transactionalStoreSuite<MemoryTransaction>({
  open,
  clock,
  passTime,
  write: async (tx, name) => tx.apply(() => rows.add(name)),
  has: async (name) => rows.has(name),
  conflict: { cannot: 'its steps wait for nobody' },
  loseNextCommit: inProcess,
})
for (const each of suite) test(`transaction: ${each.name}`, each.run)

const long = { leaseMs: 1_000, memoryMs: 1_000 }
let claims = 0

async function claim(store: Store, key: string): Promise<Claim> {
  const result = await store.claim(recordKey('memory', key), { nonce: `nonce-${(claims += 1)}`, ...long })
  if (result.status !== 'claimed') throw new Error(`${key} is ${result.status}`)
  return result.claim
}

test('what is over leaves by and by, without anything but claims', async () => {
  const store = memoryStore({ clock })
  for (let index = 0; index < 1_000; index += 1) await store.complete(await claim(store, `old-${index}`), 10)
  expect(store.size).toBe(1_000)
  await clock.advance(10)
  expect(store.records()).toEqual([])
  for (let index = 0; index < 1_000; index += 1) await claim(store, `new-${index}`)
  expect(store.size).toBe(1_000)
  expect(clock.pending()).toBe(0)
})

test('while old records leave, those in use stay', async () => {
  const store = memoryStore({ clock })
  const kept = await claim(store, 'kept')
  for (let round = 0; round < 50; round += 1) {
    await store.renew(kept, 1_000)
    for (let index = 0; index < 20; index += 1) await store.complete(await claim(store, `${round}-${index}`), 10)
    await clock.advance(10)
  }
  expect(store.size).toBeLessThan(100)
  expect(await store.complete(kept, 1_000)).toBe(true)
})

test('a full store refuses new keys, serves the ones it has, and takes new ones when some are over', async () => {
  const store = memoryStore({ clock, maxRecords: 3 })
  const [first] = [await claim(store, 'a'), await claim(store, 'b'), await claim(store, 'c')]
  for (let again = 0; again < 2; again += 1) await expect(claim(store, 'd')).rejects.toSatisfy((error) => hasCode(error, 'store-full'))
  expect(await store.renew(first, 1_000)).toBe(true)
  expect(await store.complete(first, 20)).toBe(true)
  await expect(claim(store, 'd')).rejects.toThrow('3 records')
  await clock.advance(20)
  await claim(store, 'd')
  await expect(claim(store, 'e')).rejects.toThrow('maxRecords')
  await clock.advance(2_000)
  for (const key of ['e', 'f', 'g']) await claim(store, key)
  expect(store.size).toBe(3)
})

test('a full store still records work that was done', async () => {
  const store = memoryStore({ clock, maxRecords: 1 })
  const forgotten = await claim(store, 'done')
  await clock.advance(5_000)
  await claim(store, 'other')
  expect(await store.complete(forgotten, 1_000)).toBe(true)
  await expect(claim(store, 'done')).rejects.toThrow('duplicate')
})

test('an open transaction counts towards what the store may hold', async () => {
  const store = memoryStore({ clock, maxRecords: 2 })
  await store.transaction(async (tx) => {
    expect(await store.claimIn(tx, 'one', { windowMs: 10 })).toEqual({ status: 'claimed' })
    await claim(store, 'two')
    await expect(store.claimIn(tx, 'three', { windowMs: 10 })).rejects.toSatisfy((error) => hasCode(error, 'store-full'))
  })
  expect(store.size).toBe(2)
})

test('a key can be claimed once in one transaction', async () => {
  const store = memoryStore({ clock })
  const statuses = await store.transaction(async (tx) => {
    const first = await store.claimIn(tx, 'one', { windowMs: 10 })
    return [first, await store.claimIn(tx, 'one', { windowMs: 10 })].map(({ status }) => status)
  })
  expect(statuses).toEqual(['claimed', 'duplicate'])
})

test('an effect that throws at the commit leaves the key free', async () => {
  const store = memoryStore({ clock })
  const run = store.transaction(async (tx) => {
    await store.claimIn(tx, recordKey('memory', 'free'), { windowMs: 10 })
    tx.apply(() => {
      throw new Error('at the commit')
    })
  })
  await expect(run).rejects.toThrow('at the commit')
  await claim(store, 'free')
})

test('tokens grow over a restart', async () => {
  const before = await claim(memoryStore({ clock }), 'restart')
  await clock.advance(1)
  expect((await claim(memoryStore({ clock }), 'restart')).token).toBeGreaterThan(before.token)
})

test('records() shows what is kept', async () => {
  const store = memoryStore({ clock })
  const { token } = await claim(store, 'shown')
  expect(store.records()).toEqual([{ record: 'memory:shown', state: 'consuming', token, attempts: 0, lapses: 0 }])
})

test('save() keeps what is held now and puts it back later, while tokens go on growing', async () => {
  const store = memoryStore({ clock })
  const held = await claim(store, 'held')
  await store.complete(await claim(store, 'done'), 1_000)
  const putBack = store.save()
  await store.complete(held, 1_000)
  const forgotten = await claim(store, 'forgotten')
  await store.complete(forgotten, 1_000)
  putBack()
  expect(store.records().map(({ record, state }) => [record, state])).toEqual([
    ['memory:held', 'consuming'],
    ['memory:done', 'consumed'],
  ])
  expect(store.size).toBe(2)
  expect((await claim(store, 'forgotten')).token).toBeGreaterThan(forgotten.token)
  expect(await store.complete(held, 1_000)).toBe(true)
  putBack()
  expect(store.records().map(({ state }) => state)).toEqual(['consuming', 'consumed'])
})

test('what is put back leaves like everything else when it is over, and a full store makes room of it', async () => {
  const store = memoryStore({ clock, maxRecords: 2 })
  for (const key of ['a', 'b']) await store.complete(await claim(store, key), 10)
  const putBack = store.save()
  await clock.advance(10)
  for (const key of ['c', 'd']) await claim(store, key)
  await expect(claim(store, 'e')).rejects.toThrow('2 records')
  putBack()
  for (const key of ['e', 'f']) await claim(store, key)
  expect(store.records().map(({ record }) => record)).toEqual(['memory:e', 'memory:f'])
})

test('nonsense options are refused by name', () => {
  for (const maxRecords of [0, 1.5, NaN, -1]) expect(() => memoryStore({ maxRecords })).toThrow('maxRecords must be a whole number')
})
