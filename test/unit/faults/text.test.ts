import { describe, expect, test } from 'vitest'
import { tell } from '../../faults/report/text.js'
import { failedResult, longResult, smallResult } from './made-up.js'
import type { Result } from '../../faults/report/result.js'

const linesOf = (result: Result): readonly string[] => tell(result).split('\n')

describe('the report of a fault run in the terminal', () => {
  test('tells what was run, what it came to, and the verdict last', () => {
    const lines = linesOf(smallResult)
    expect(lines.slice(0, 3)).toEqual([
      'redis, kafka, lease',
      '  load for 4.0 s, 5.0 s in all, since 2026-03-01T12:00:00.000Z; 2 workers, 2 faults',
      '  npm run faults -- --store redis --broker kafka --seed 7',
    ])
    expect(lines).toContain('  40,000   sent')
    expect(lines).toContain('       0   lost')
    expect(lines.at(-1)).toBe('ok')
    expect(lines.filter((line) => line.startsWith('!'))).toEqual([])
  })

  test('marks what is wrong', () => {
    const lines = linesOf(failedResult)
    expect(lines).toContain('!      2   lost   pay-8, pay-9')
    expect(lines.slice(-2)).toEqual(['2 lost.', 'NOT OK'])
  })

  test('tells what no guarantee allows before what one does, with every run of it', () => {
    const text = tell(failedResult)
    expect(text).toContain(
      [
        'UNEXPLAINED: 1 message done more than once, and no guarantee allows it',
        '  message   times   runs',
        '! pay-17        3   worker-1 at 3.2 s',
        '!                   worker-2 at 3.3 s',
        '!                   worker-2 at 3.9 s',
        '',
        'Allowed: 1 message done more than once: the process stalled between the effect and its record, or right before the',
        'effect',
      ].join('\n'),
    )
  })

  test('tells all that is unexplained, and three examples of what one guarantee allows', () => {
    const [example] = smallResult.verdict.doubled
    if (!example) throw new Error('an example was expected')
    const many = (name: string, allowedBy: string | undefined) =>
      Array.from({ length: 50 }, (_, number) => ({ ...example, message: `${name}-${number}.`, allowedBy }))
    const doubled = [...many('allowed', 'The store forgets nothing.'), ...many('unexplained', undefined)]
    const text = tell({ ...smallResult, verdict: { isOk: false, lines: [], doubled } })
    expect(text.match(/unexplained-\d+\./g)).toHaveLength(50)
    expect(text.match(/allowed-\d+\./g)).toHaveLength(3)
    expect(text).toContain('and 47 messages more')
    expect(text).toContain('50 done twice that no guarantee allows.\nNOT OK')
  })

  test('tells how long it took to get over the faults of a name', () => {
    const [fault] = smallResult.faults
    if (!fault) throw new Error('a fault was expected')
    const faults = [100, 300, undefined].map((caughtUpMs) => ({ ...fault, firstEffectMs: 20, caughtUpMs }))
    expect(tell({ ...smallResult, faults })).toMatch(/stall +3 +20 ms +20 ms +300 ms +never +1\n/)
  })

  test('tells a few faults one by one, and many by name only', () => {
    expect(tell(smallResult)).toMatch(/00:02 +store-kill +1\.0 s +110 ms +never +redis killed, back after 1\.0 s/)
    const many = longResult({ seconds: 600, everyMs: 10_000 })
    const text = tell(many)
    expect(text).not.toContain('Every fault')
    for (const { name } of many.faults) expect(text).toContain(name)
  })

  test('compares the first third of the samples with the last', () => {
    const samples = [10, 11, 12, 13, 14, 21].map((megabytes, index) => ({
      atMs: index * 1_000,
      worker: 'worker-1',
      heapBytes: megabytes * 1e6,
      rssBytes: 80e6,
      timers: 4 + index,
      connections: 3,
      listeners: 9,
      records: 100 * index,
    }))
    const text = tell({ ...smallResult, samples })
    expect(text).toMatch(/heap +worker-1 +11\.0 MB +21\.0 MB +\+10\.0 MB \(\+90\.9 %\)/)
    expect(text).toMatch(/resident +worker-1 +80\.0 MB +80\.0 MB +0\.0 MB\n/)
    expect(text).toMatch(/records +100 +500 +\+400 \(\+400\.0 %\)/)
    expect(tell(smallResult)).not.toContain('Soak')
  })

  test('is at most 120 columns wide, however long the keys and the details are', () => {
    const long = 'a-long-word-'.repeat(15)
    const sentence = 'some words of a sentence '.repeat(12)
    const result: Result = {
      ...longResult({ seconds: 100, everyMs: 10_000, isSoak: true }),
      title: sentence,
      verdict: {
        isOk: false,
        lines: [{ what: long, count: 10 ** 9, detail: sentence, isWrong: true }],
        doubled: [undefined, sentence].map((allowedBy) => ({ message: long, times: 2, runs: [sentence, long], allowedBy })),
      },
    }
    const lines = linesOf(result)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120)
    expect(lines.join('').replaceAll(/[ !]/g, '')).toContain(long.slice(0, 40))
  })

  test('lets no key write to the terminal', () => {
    const doubled = [{ message: '\u001B[2Jpay\n-1', times: 2, runs: ['\u202Eworker'], allowedBy: undefined }]
    const text = tell({ ...smallResult, verdict: { isOk: false, lines: [], doubled } })
    expect(text).toContain('\\u{1b}[2Jpay -1')
    expect(text).toContain('\\u{202e}worker')
    expect(text).not.toMatch(/[^\P{Cc}\n]/u)
  })

  test('tells of a run in which nothing happened', () => {
    const nothing = { seconds: [], faults: [], latencies: [], verdict: { isOk: true, lines: [], doubled: [] } }
    expect(linesOf({ ...smallResult, ...nothing }).at(-1)).toBe('ok')
  })
})
