import { describe, expect, test } from 'vitest'
import { cellOf, isSound, judge, troubles } from '../../../bench/result.js'
import { made, measured, threeRounds } from './made-up.js'

describe('what follows from a result', () => {
  test('the ratio is the median of the ratios, not the ratio of the medians', () => {
    const cell = cellOf(made(threeRounds), 'hapax', '64', 'new')
    expect(cell?.value.median).toBe(1_760)
    expect(cell?.ratio).toEqual({ median: 1.8, least: 1.6, most: 2 })
    expect(cellOf(made(threeRounds), 'raw', '64', 'new')?.ratio).toBeUndefined()
    expect(cellOf(made(threeRounds), 'hapax', '1', 'new')).toBeUndefined()
  })

  test('a target is judged in the cases that were run, and unknown where nothing was measured', () => {
    expect(judge(made(threeRounds)).map(({ case: inCase, verdict }) => [inCase, verdict])).toEqual([
      ['1', 'unknown'],
      ['64', 'reached'],
    ])
    const slow = made([measured('raw', 0, 100), measured('hapax', 0, 140)])
    expect(judge(slow).at(-1)?.verdict).toBe('missed')
  })

  test('a target without another contender is a value of its own, and may be a limit', () => {
    const targets = [{ entrant: 'hapax', measure: 'new', bound: 'at most', values: { '64': 1_760 } }] as const
    expect(judge(made(threeRounds, { targets })).map(({ verdict }) => verdict)).toEqual(['reached'])
  })

  test('who did it wrong once is not rated, and told', () => {
    const wrong = { entrant: 'hapax', case: '64', round: 3, status: 'wrong', reason: '1 of 2 keys were handled' } as const
    const result = made([...threeRounds, wrong])
    expect(cellOf(result, 'hapax', '64', 'new')).toBeUndefined()
    expect(judge(result).at(-1)?.verdict).toBe('unknown')
    expect(troubles(result)).toEqual([{ entrant: 'hapax', cases: ['64'], what: 'wrong: 1 of 2 keys were handled' }])
    expect(isSound(result)).toBe(false)
  })

  test('a crash of somebody else is told, and what was measured of him in other rounds counts', () => {
    const crash = { entrant: 'raw', case: '64', round: 2, status: 'failed', lastWords: 'ended by SIGKILL' } as const
    const result = made([...threeRounds.slice(0, 4), crash, ...threeRounds.slice(5)])
    expect(cellOf(result, 'hapax', '64', 'new')?.ratio).toEqual({ median: 1.9, least: 1.8, most: 2 })
    expect(isSound(result)).toBe(true)
  })
})
