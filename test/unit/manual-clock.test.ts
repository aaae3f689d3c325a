import { expect, test } from 'vitest'
import { sleep } from 'hapax'
import { manualClock } from 'hapax/testing'

test('timers are woken in order of time, then of scheduling, each at its own time', async () => {
  const clock = manualClock()
  const woken: string[] = []
  for (const [name, ms] of [
    ['c', 20],
    ['a', 10],
    ['b', 10],
    ['d', 30],
  ] as const)
    clock.schedule(ms, () => woken.push(`${name}@${clock.now()}`))
  await clock.advance(25)
  expect(woken).toEqual(['a@10', 'b@10', 'c@20'])
  expect([clock.now(), clock.pending()]).toEqual([25, 1])
})

test('what follows from one timer is done before the next is woken, and may schedule more', async () => {
  const clock = manualClock()
  const steps: string[] = []
  const chain = async (): Promise<void> => {
    await sleep(clock, 10)
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
    steps.push(`chain@${clock.now()}`)
    await sleep(clock, 5)
    steps.push(`chain@${clock.now()}`)
  }
  const chained = chain()
  clock.schedule(11, () => steps.push(`timer@${clock.now()}`))
  await clock.advance(15)
  await chained
  expect(steps).toEqual(['chain@10', 'timer@11', 'chain@15'])
})

test('a cancelled timer is not woken, and leaves nothing behind', async () => {
  const clock = manualClock()
  let woken = 0
  const cancel = clock.schedule(10, () => (woken += 1))
  cancel()
  cancel()
  expect(clock.pending()).toBe(0)
  await clock.advance(20)
  expect(woken).toBe(0)
})

test('one timer may cancel another that is due at the same time', async () => {
  const clock = manualClock()
  const woken: string[] = []
  clock.schedule(10, () => {
    woken.push('first')
    cancel()
  })
  const cancel = clock.schedule(10, () => woken.push('second'))
  await clock.advance(10)
  expect(woken).toEqual(['first'])
})

test('settle lets promises settle, and no time pass', async () => {
  const clock = manualClock({ epochMs: 1_000 })
  let done = false
  void (async () => {
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve()
    done = true
  })()
  await clock.settle()
  expect([done, clock.now(), clock.epochMs()]).toEqual([true, 0, 1_000])
  await clock.advance(5)
  expect([clock.now(), clock.epochMs()]).toEqual([5, 1_005])
})
