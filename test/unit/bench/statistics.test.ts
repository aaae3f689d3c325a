import { describe, expect, test } from 'vitest'
import { median, percentile, ratios, spreadOf } from '../../../bench/statistics.js'

describe('the statistics of the benchmarks', () => {
  test('the median is what is in the middle, and of an even number the mean of both', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([1, 2, 10, 4])).toBe(3)
    expect(median([])).toBeNaN()
  })

  test('a spread keeps the extremes', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 })
  })

  test('a percentile is a value that was there', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(percentile(values, 0.5)).toBe(50)
    expect(percentile(values, 0.99)).toBe(99)
    expect(percentile([7], 0.99)).toBe(7)
  })

  test('ratios are made round by round, and of rounds that both have ended', () => {
    const of = new Map([
      [0, 20],
      [1, 10],
      [2, 30],
    ])
    const against = new Map([
      [0, 10],
      [1, 2],
    ])
    expect(ratios(of, against)).toEqual([2, 5])
  })
})
