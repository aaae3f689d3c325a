import { describe, expect, test } from 'vitest'
import { merged } from '../../../bench/report/json.js'
import { ratio, rounded, spread } from '../../../bench/report/numbers.js'
import { picturesOf } from '../../../bench/report/picture.js'
import { setTable } from '../../../bench/report/table.js'
import { tell } from '../../../bench/report/text.js'
import { made, measured, threeRounds } from './made-up.js'

describe('the report of the benchmarks', () => {
  test('numbers have three digits that mean something', () => {
    expect([12_345, 148.4, 1.825, 0.0456, 99.96, 0].map(rounded)).toEqual(['12,300', '148', '1.82', '0.05', '100', '0'])
    expect(rounded(Number.NaN)).toBe('-')
    expect(ratio(2)).toBe('x2.00')
    expect(spread({ median: 2, least: 1, most: 3 })).toBe('2.00 (1.00 to 3.00)')
    expect(spread({ median: 2, least: 2, most: 2 })).toBe('2.00')
  })

  test('columns are set, those of numbers to the right, and cells may have several lines', () => {
    const rows = [
      ['one', '1\n2 to 3'],
      ['second', '10'],
    ]
    expect(setTable({ head: ['', 'rate'], rows })).toEqual(['           rate', 'one           1', '         2 to 3', 'second       10'])
  })

  test('a scenario is told with where it was measured, the ratios, and what was reached', () => {
    const lines = tell(made(threeRounds)).split('\n')
    expect(lines[0]).toBe('2026-03-01T12:00:00.000Z, 3 rounds')
    expect(lines).toContain('  Node v20.19.0 on 2 x A processor, load at start 0.5 0.4 0.3, commit abc1234')
    expect(lines).toContain('  Redis 7.0.15, appendonly no')
    expect(lines.find((line) => line.startsWith('  hapax'))).toMatch(/1,760 x1\.80$/)
    expect(lines.find((line) => line.includes('reached'))).toMatch(/64 +at least 1\.50 +1\.80 \(1\.60 to 2\.00\)$/)
  })

  test('a quick run, who is left out and who has crashed are told', () => {
    const crash = { entrant: 'hapax', case: '1', round: 0, status: 'failed', lastWords: 'ended with status 1: Error: no' } as const
    const leftOut = [{ entrant: 'a peer', reason: 'not installed' }]
    const text = tell(made([...threeRounds, crash], { isQuick: true, rounds: 1, leftOut }))
    expect(text).toContain('1 round, quick: for a first look only')
    expect(text).toContain('NOT RATED\n  hapax (1): failed: ended with status 1: Error: no')
    expect(text).toContain('Left out\n  a peer: not installed')
  })

  test('a result takes the place of the one of the same scenario, and the others stay', () => {
    const [redis, core, again] = [made(threeRounds), made([], { name: 'core' }), made([measured('raw', 0, 1)])]
    expect(merged([redis, core], [again])).toEqual([again, core])
    expect(merged([core], [redis])).toEqual([core, redis])
  })

  test('each measure that was measured is drawn, by the names of who took part', () => {
    const pictures = picturesOf(made(threeRounds))
    expect(pictures.map(({ file }) => file)).toEqual(['bench-redis-new.svg'])
    expect(pictures[0]?.svg).toMatch(/^<svg /)
    for (const text of ['raw', 'hapax', '1,760  x1.80']) expect(pictures[0]?.svg).toContain(`>${text}<`)
    expect(picturesOf(made([]))).toEqual([])
  })
})
