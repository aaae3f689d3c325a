import { expect, test } from 'vitest'
import { manualClock } from 'hapax/testing'
import { openDeadlines } from '../../../src/deadlines.js'
import type { Lane } from '../../../src/deadlines.js'
import type { ManualClock } from 'hapax/testing'

interface World {
  readonly clock: ManualClock
  /** Who was woken, and when. */
  readonly woken: string[]
  readonly quick: Lane<string>
  readonly slow: Lane<string>
}

function open(): World {
  const clock = manualClock()
  const woken: string[] = []
  const deadlines = openDeadlines(clock)
  const wake = (name: string): void => void woken.push(`${name} at ${clock.now()}`)
  return { clock, woken, quick: deadlines.lane(wake), slow: deadlines.lane(wake) }
}

test('all deadlines share one timer, and each is woken in its time', async () => {
  const { clock, woken, quick, slow } = open()
  slow.set('slow', 100)
  quick.set('first', 10)
  quick.set('second', 30)
  expect(clock.pending()).toBe(1)
  await clock.advance(1_000)
  expect(woken).toEqual(['first at 10', 'second at 30', 'slow at 100'])
  expect(clock.pending()).toBe(0)
})

test('one that is due earlier than those set before it is woken first', async () => {
  const { clock, woken, quick } = open()
  quick.set('late', 50)
  quick.set('early', 20)
  quick.set('between', 30)
  await clock.advance(60)
  expect(woken).toEqual(['early at 20', 'between at 30', 'late at 50'])
})

test('one that is called off is not woken, wherever it stands, and calling off twice does nothing', async () => {
  const { clock, woken, quick } = open()
  const [first, second, third, fourth] = ['first', 'second', 'third', 'fourth'].map((name, index) => quick.set(name, 10 * (index + 1)))
  for (const deadline of [first, third, third, fourth]) if (deadline) quick.callOff(deadline)
  expect([first?.waits, second?.waits]).toEqual([false, true])
  await clock.advance(100)
  expect(woken).toEqual(['second at 20'])
  if (second) quick.callOff(second)
  expect(clock.pending()).toBe(0)
})

test('nothing is left behind where the last one is called off, and a timer that stays is not set anew', async () => {
  const { clock, woken, quick } = open()
  quick.callOff(quick.set('a', 10))
  quick.callOff(quick.set('b', 12))
  expect(clock.pending()).toBe(1)
  await clock.settle()
  expect(clock.pending()).toBe(0)
  quick.set('c', 20)
  await clock.advance(20)
  expect(woken).toEqual(['c at 20'])
})

test('one that is still to come keeps the timer of those that were called off from ending', async () => {
  const { clock, woken, quick, slow } = open()
  quick.callOff(quick.set('a', 10))
  slow.set('b', 40)
  await clock.settle()
  await clock.advance(40)
  expect(woken).toEqual(['b at 40'])
})

test('who is woken may set and call off others', async () => {
  const clock = manualClock()
  const woken: string[] = []
  const deadlines = openDeadlines(clock)
  const lane = deadlines.lane<string>((name) => {
    woken.push(`${name} at ${clock.now()}`)
    if (name === 'a') {
      lane.callOff(b)
      lane.set('c', clock.now() + 5)
    }
  })
  lane.set('a', 10)
  const b = lane.set('b', 10)
  await clock.advance(100)
  expect(woken).toEqual(['a at 10', 'c at 15'])
  expect(clock.pending()).toBe(0)
})

test('after a stall all that fell due meanwhile is woken, in order', async () => {
  const { clock, woken, quick, slow } = open()
  slow.set('b', 20)
  quick.set('a', 10)
  clock.stall(500)
  await clock.advance(0)
  expect(woken).toEqual(['a at 500', 'b at 500'].sort())
})
