import { describe, expect, test } from 'vitest'
import { binned } from '../../faults/report/bins.js'
import { kindOf, lanesOf } from '../../faults/report/lanes.js'
import { renderPage } from '../../faults/report/page.js'
import { failedResult, longResult, smallResult } from './made-up.js'
import type { Bar } from '../../faults/report/lanes.js'
import type { FaultSpan, Result, Second } from '../../faults/report/result.js'

const hours = longResult({ seconds: 10_800, everyMs: 18_000, isSoak: true })

// It only computes, but with the machine full of servers even that takes a while.
describe('the page of a fault run', { timeout: 30_000 }, () => {
  test('needs no other file, and runs nothing', () => {
    for (const result of [smallResult, failedResult, longResult({ seconds: 60, everyMs: 10_000, isSoak: true })]) {
      const page = renderPage(result)
      expect(page).toMatch(/^<!doctype html>/)
      expect(page).not.toMatch(/:\/\/|<script|<link|<img|<iframe|@import|@font-face|\b(?:src|href)=|\bon\w+=/i)
      // Shapes are clipped by others of the same page.
      expect(page.replaceAll('url(#', '')).not.toContain('url(')
    }
  })

  test('is the same for the same result', () => {
    expect(renderPage(smallResult)).toBe(renderPage(smallResult))
  })

  test('tells the verdict, and marks what is wrong', () => {
    expect(renderPage(smallResult)).toContain('<p class="verdict ok"><strong>OK</strong> Nothing lost')
    expect(renderPage(smallResult)).not.toContain('class="wrong"')
    const page = renderPage(failedResult)
    expect(page).toContain('<p class="verdict not-ok"><strong>NOT OK</strong> 2 lost</p>')
    expect(page).toContain('<tr class="wrong"><td class="number">2</td><td class="short">lost</td><td>pay-8, pay-9</td></tr>')
    expect(page).toContain(
      '<tr class="wrong"><td class="short">pay-17</td><td class="number">3</td><td>worker-1 at 3.2 s<br>worker-2 at 3.3 s<br>worker-2 at 3.9 s</td></tr>',
    )
  })

  test('takes no text of a run for markup', () => {
    const hostile = `</title></svg><script>alert("1")</script>&amp;'`
    const page = renderPage({
      ...smallResult,
      title: hostile,
      command: hostile,
      faults: smallResult.faults.map((fault) => ({ ...fault, name: hostile, detail: hostile })),
      seconds: smallResult.seconds.map((second) => ({ ...second, outcomes: { [hostile]: 3 } })),
      verdict: {
        isOk: false,
        lines: [{ what: hostile, count: 1, detail: hostile, isWrong: true }],
        doubled: [undefined, hostile].map((allowedBy) => ({ message: hostile, times: 2, runs: [hostile], allowedBy })),
      },
      latencies: smallResult.latencies.map((latency) => ({ ...latency, what: hostile })),
    })
    expect(page).not.toContain('<script')
    expect(page.match(/<\/svg>/g)).toHaveLength(1)
    expect(
      page.match(/&lt;\/title&gt;&lt;\/svg&gt;&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&amp;amp;/g)?.length,
    ).toBeGreaterThan(15)
  })

  test('names every fault, in the picture and below it', () => {
    const result = longResult({ seconds: 300, everyMs: 14_000 })
    const page = renderPage(result)
    const [picture = '', tables = ''] = page.split('</svg>')
    for (const { name, detail } of result.faults) {
      expect(picture).toContain(`<title>${name} at `)
      expect(picture).toContain(`>${kindOf(name)}</text>`)
      expect(picture).toContain(`>${name.replace(/^(?:store|broker)-/, '')}</text>`)
      expect(tables).toContain(`<td class="short">${name}</td>`)
      expect(tables).toContain(`<td>${detail}</td>`)
    }
  })

  test('shows an outcome that came once among thousands', () => {
    const seconds = longResult({ seconds: 300, everyMs: 0 }).seconds.map((second) => ({ ...second, outcomes: { handled: 300 } }))
    const withOne = seconds.map((second) => (second.second === 77 ? { ...second, outcomes: { handled: 300, 'lease-lost': 1 } } : second))
    expect(renderPage({ ...smallResult, seconds })).not.toContain('lease-lost')
    const page = renderPage({ ...smallResult, seconds: withOne })
    expect(page).toContain('>lease-lost</text>')
    expect(page).toContain('Rare outcomes')
    expect(page).toMatch(/<path [^>]*fill="#D55E00"/)
  })

  test('shows samples where there are any', () => {
    const page = renderPage(longResult({ seconds: 300, everyMs: 60_000, isSoak: true }))
    for (const heading of ['Heap', 'Records']) expect(page).toContain(`>${heading}</tspan>`)
    expect(page).toContain('Soak:')
    expect(renderPage(smallResult)).not.toMatch(/>Heap<|>Records<|Soak/)
  })

  test('of many hours with hundreds of faults it stays small', () => {
    const page = renderPage(hours)
    expect(hours.faults.length).toBeGreaterThan(500)
    expect(page.length).toBeLessThan(1_500_000)
    expect(page).toContain('Each point is 10 seconds')
    const picture = page.split('</svg>')[0] ?? ''
    for (const { name } of hours.faults) expect(picture).toContain(`>${name}</text>`)
  })

  test('is drawn of a run in which nothing happened', () => {
    const nothing: Result = { ...smallResult, seconds: [], faults: [], latencies: [], verdict: { isOk: true, lines: [], doubled: [] } }
    expect(renderPage(nothing)).toContain('</svg>')
    expect(renderPage({ ...nothing, lengthMs: 0, loadMs: 0 })).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('seconds put together', () => {
  const second = (number: number, told: Partial<Second> = {}): Second => ({
    second: number,
    sent: 10,
    effects: 10,
    behind: 0,
    outcomes: {},
    medianMs: undefined,
    p99Ms: undefined,
    ...told,
  })

  test('are left alone where there are few', () => {
    const seconds = [0, 1, 2].map((number) => second(number, { medianMs: number, outcomes: { handled: 3 } }))
    const { widthSeconds, bins } = binned(seconds, 3)
    expect(widthSeconds).toBe(1)
    expect(bins.map(({ fromSecond, medianMs, sent }) => [fromSecond, medianMs, sent])).toEqual([
      [0, 0, 10],
      [1, 1, 10],
      [2, 2, 10],
    ])
  })

  test('give means of rates, sums of outcomes, the worst backlog and 99 %, and the median of the effects', () => {
    const { widthSeconds, bins } = binned(
      [
        second(0, { sent: 30, behind: 7, outcomes: { handled: 2, retried: 1 }, effects: 100, medianMs: 5, p99Ms: 50 }),
        second(1, { outcomes: { handled: 3 }, effects: 1, medianMs: 900, p99Ms: 1_000 }),
        second(2, { sent: 4 }),
      ],
      2,
    )
    expect(widthSeconds).toBe(2)
    expect(bins).toEqual([
      { fromSecond: 0, toSecond: 2, sent: 20, effects: 50.5, behind: 7, outcomes: { handled: 5, retried: 1 }, medianMs: 5, p99Ms: 1_000 },
      // The last one is as wide as what is left.
      { fromSecond: 2, toSecond: 3, sent: 4, effects: 10, behind: 0, outcomes: {}, medianMs: undefined, p99Ms: undefined },
    ])
  })

  test('that are missing had nothing, and were as far behind as before', () => {
    const { bins } = binned([second(0, { behind: 5 }), second(3)], 10)
    expect(bins.map(({ sent, behind }) => [sent, behind])).toEqual([
      [10, 5],
      [0, 5],
      [0, 5],
      [10, 0],
    ])
  })

  test('are at most as many points as asked for, of days, too', () => {
    for (const length of [1_200, 1_201, 10_800, 100_000, 700_000]) {
      const { widthSeconds, bins } = binned([second(length - 1)], 1_200)
      expect(bins.length).toBeLessThanOrEqual(1_200)
      expect(bins.at(-1)?.toSecond).toBe(length)
      expect(Number.isInteger(widthSeconds)).toBe(true)
    }
  })
})

describe('lanes of faults', () => {
  const fault = (name: string, fromMs: number, toMs: number): FaultSpan => ({
    name,
    detail: '',
    fromMs,
    toMs,
    firstEffectMs: 0,
    caughtUpMs: 0,
  })

  test('are by kind, with a label for each and room for it', () => {
    const faults = [fault('store-kill', 0, 100), fault('kill-all', 50, 150), fault('store-slow', 120, 300), fault('store-kill', 800, 990)]
    const { rows, bars } = lanesOf(faults, 1_000, 1_000)
    expect(rows).toEqual(['worker', 'store', ''])
    expect(bars.map(({ fault: { name }, row, label, labelSide }) => [name, row, label, labelSide])).toEqual([
      ['kill-all', 0, 'kill-all', 'right'],
      ['store-kill', 1, 'kill', 'right'],
      ['store-slow', 2, 'slow', 'right'],
      ['store-kill', 1, 'kill', 'left'],
    ])
  })

  test('never overlap in a row while they have labels', () => {
    const { faults, lengthMs } = longResult({ seconds: 600, everyMs: 13_000 })
    const { bars } = lanesOf(faults, 1_000, lengthMs)
    expect(bars).toHaveLength(faults.length)
    const spanOf = ({ fault: { fromMs, toMs }, label = '', labelSide }: Bar): readonly [number, number] => {
      const labelMs = (6 * label.length * lengthMs) / 1_000
      return labelSide === 'right' ? [fromMs, toMs + labelMs] : [fromMs - labelMs, toMs]
    }
    for (const [index, bar] of bars.entries()) {
      for (const other of bars.slice(index + 1)) {
        if (other.row !== bar.row) continue
        const [[from, to], [otherFrom, otherTo]] = [spanOf(bar), spanOf(other)]
        expect(to <= otherFrom || otherTo <= from, `${bar.fault.name} and ${other.fault.name}`).toBe(true)
      }
    }
  })

  test('are those of what is struck, whatever the name begins with', () => {
    const names = ['kill', 'kill-all', 'stall', 'roll', 'join', 'clock', 'store-cut-half', 'redis-memory', 'sqlite-lock', 'broker-lose']
    expect(names.map(kindOf)).toEqual([...Array<string>(6).fill('worker'), 'store', 'store', 'store', 'broker'])
  })

  test('are by name, without labels, where there are too many', () => {
    const { rows, bars } = lanesOf(hours.faults, 1_000, hours.lengthMs)
    expect(rows).toEqual([
      'kill',
      'stall',
      'redis-memory',
      'store-kill',
      'store-refuse',
      'store-slow',
      'broker-cut',
      'broker-slow',
      'broker-stop',
    ])
    expect(bars).toHaveLength(hours.faults.length)
    expect(bars.every(({ fault: { name }, row, label }) => label === undefined && rows[row] === name)).toBe(true)
  })
})
