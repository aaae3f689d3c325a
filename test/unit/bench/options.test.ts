import { describe, expect, test } from 'vitest'
import { readOptions, selected } from '../../../bench/options.js'

const known = ['core', 'redis', 'redis-cluster', 'sqlite-full', 'sqlite-normal']

describe('the options of the benchmarks', () => {
  test('all scenarios and five rounds, or one when it is to be quick', () => {
    expect(readOptions([], known)).toMatchObject({ only: [], rounds: 5, isQuick: false })
    expect(readOptions(['--quick'], known)).toMatchObject({ rounds: 1, isQuick: true })
    expect(readOptions(['--quick', '--rounds', '3'], known).rounds).toBe(3)
  })

  test('a name is one scenario; the beginning of names is all of them', () => {
    expect(selected(known, [])).toEqual(known)
    expect(selected(known, ['redis'])).toEqual(['redis'])
    expect(selected(known, ['sqlite', 'core'])).toEqual(['core', 'sqlite-full', 'sqlite-normal'])
  })

  test('nonsense is refused, with what there is', () => {
    expect(() => readOptions(['--only', 'reddis'], known)).toThrow('--only names reddis, and there is core, redis')
    expect(() => readOptions(['--rounds', '0'], known)).toThrow('--rounds must be a whole number of at least 1, and is 0')
    expect(() => readOptions(['--fast'], known)).toThrow()
  })
})
