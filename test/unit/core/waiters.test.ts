import { describe, expect, test } from 'vitest'
import { onAbort } from '../../../src/aborts.js'
import { openPlaces } from '../../../src/places.js'
import { openWaiters } from '../../../src/waiters.js'

describe('those who wait', () => {
  test('are woken in the order in which they came, each once', () => {
    const waiters = openWaiters()
    const woken: string[] = []
    const takeOut = ['a', 'b', 'c', 'd'].map((name) => waiters.add(() => woken.push(name)))
    takeOut[1]?.()
    takeOut[1]?.()
    while (waiters.wakeFirst());
    expect(woken).toEqual(['a', 'c', 'd'])
    // Those who were woken are not taken out for somebody else.
    waiters.add(() => woken.push('e'))
    for (const each of takeOut) each()
    expect(waiters.wakeFirst()).toBe(true)
    expect(waiters.wakeFirst()).toBe(false)
    expect(woken).toEqual(['a', 'c', 'd', 'e'])
  })

  test('may take each other out, and come again, when they are woken', () => {
    const waiters = openWaiters()
    const woken: string[] = []
    waiters.add(() => {
      woken.push('a')
      takeOutB()
      waiters.add(() => woken.push('a again'))
    })
    const takeOutB = waiters.add(() => woken.push('b'))
    waiters.add(() => woken.push('c'))
    while (waiters.wakeFirst());
    expect(woken).toEqual(['a', 'c', 'a again'])
  })
})

test('a signal wakes all that wait for it, and only those', () => {
  const controller = new AbortController()
  const woken: string[] = []
  const takeBack = ['a', 'b', 'c'].map((name) => onAbort(controller.signal, () => woken.push(name)))
  takeBack[2]?.()
  controller.abort()
  takeBack[0]?.()
  expect(woken).toEqual(['a', 'b'])
})

test('places go to those who wait, first come first served, and not to those who gave up', async () => {
  const places = openPlaces(1)
  const never = new AbortController().signal
  const givenUp = new AbortController()
  const place = await places.take(never)
  const waiting = [places.take(givenUp.signal), places.take(never), places.take(never)]
  givenUp.abort()
  expect(await waiting[0]).toBeUndefined()
  place?.()
  const second = await waiting[1]
  expect([places.taken, places.tryTake()]).toEqual([1, undefined])
  second?.()
  const third = await waiting[2]
  third?.()
  expect(places.taken).toBe(0)
})
