import { describe, expect, test } from 'vitest'
import { faultOf, openBook } from '../../../bench/child/book.js'
import { runPass } from '../../../bench/child/pass.js'
import { idsOf } from '../../../bench/contenders/kafka/messages.js'

describe('how contenders are judged', () => {
  test('every key once is right; one that was lost or run twice is not', async () => {
    const book = openBook(0)
    await book.handle('a')
    await book.handle('b')
    expect(faultOf(book, 2)).toBeUndefined()
    expect(faultOf(book, 3)).toBe('2 of 3 keys were handled')
    await book.handle('a')
    expect(faultOf(book, 2)).toBe('3 runs for 2 keys, where 2 were asked for')
    expect(faultOf(book, 2, 3)).toBeUndefined()
  })

  test('a pass calls with each key once, never with more at once than it may, and goes on after a rejection', async () => {
    const seen: string[] = []
    let [running, most] = [0, 0]
    const pass = await runPass({
      async call(key) {
        most = Math.max(most, (running += 1))
        await Promise.resolve()
        running -= 1
        seen.push(key)
        if (key === 'key-3') throw new Error('no')
      },
      keyAt: (index) => `key-${index}`,
      concurrency: 4,
      most: 10,
      forMs: Number.POSITIVE_INFINITY,
      timedEvery: 1,
    })
    expect(seen.toSorted()).toEqual(Array.from({ length: 10 }, (_, index) => `key-${index}`))
    expect(most).toBe(4)
    expect(pass).toMatchObject({ sent: 10, errors: 1, firstError: 'Error: no' })
  })

  test('a share of the messages are duplicates of one before them, the same each time', () => {
    const ids = idsOf('orders', 10_000, 10)
    expect(ids).toEqual(idsOf('orders', 10_000, 10))
    const fresh = new Set(ids).size
    expect(fresh).toBeGreaterThan(8_800)
    expect(fresh).toBeLessThan(9_200)
    expect(new Set(idsOf('orders', 1_000, 0)).size).toBe(1_000)
  })
})
