import { expect, test, vi } from 'vitest'
import { openSweep, sleep } from 'hapax'
import { manualClock } from 'hapax/testing'

const random = { fraction: () => 0.5, nonce: () => 'unused' }

test('a sweep rides on traffic: one at a time, when it is due, batch by batch until one is not full', async () => {
  const clock = manualClock()
  const full = [true, true, false]
  const batch = vi.fn(() => Promise.resolve(full.shift() ?? false))
  const sweep = openSweep({ batch, everyMs: 1_000, clock, random })
  sweep.ride()
  expect(batch).toHaveBeenCalledTimes(0)
  await clock.advance(1_000)
  sweep.ride()
  sweep.ride()
  await clock.settle()
  expect(batch).toHaveBeenCalledTimes(3)
  sweep.ride()
  await clock.settle()
  expect(batch).toHaveBeenCalledTimes(3)
  await clock.advance(1_000)
  sweep.ride()
  await clock.settle()
  expect(batch).toHaveBeenCalledTimes(4)
  expect(clock.pending()).toBe(0)
})

test('a sweep is bounded, and what it fails with is told and ends only this one', async () => {
  const clock = manualClock()
  const failures: unknown[] = []
  const batch = vi.fn(() => Promise.resolve(true))
  const sweep = openSweep({ batch, mostBatches: 5, clock, random, onFailed: (error) => failures.push(error) })
  await sweep.now()
  expect(batch).toHaveBeenCalledTimes(5)
  batch.mockRejectedValueOnce(new Error('read only'))
  await sweep.now()
  expect(failures).toEqual([new Error('read only')])
  await sweep.now()
  expect(batch).toHaveBeenCalledTimes(11)
})

test.each([
  () => {
    throw new Error('the onlooker fails')
  },
  () => Promise.reject(new Error('the onlooker fails later')),
])('an onlooker that fails ends neither the process nor the sweeps', async (onFailed) => {
  const batch = vi.fn(() => Promise.reject(new Error('read only')))
  const sweep = openSweep({ batch, onFailed, clock: manualClock(), random })
  await sweep.now()
  await sweep.now()
  expect(batch).toHaveBeenCalledTimes(2)
})

test('where more is over than one sweep takes, the next one begins after as long as this one took', async () => {
  const clock = manualClock()
  const batch = vi.fn(() => sleep(clock, 100).then(() => true))
  const sweep = openSweep({ batch, mostBatches: 5, everyMs: 60_000, clock, random })
  const first = sweep.now()
  await clock.advance(500)
  await first
  sweep.ride()
  expect(batch).toHaveBeenCalledTimes(5)
  await clock.advance(500)
  sweep.ride()
  await clock.settle()
  expect(batch).toHaveBeenCalledTimes(6)
  await clock.advance(500)
})
