/** What is drawn above the lanes of faults, one panel below the other, all on the same axis of time. */
import type { LineSeriesOption, ScatterSeriesOption } from 'echarts/charts'
import type { YAXisComponentOption } from 'echarts'
import { colourOfOutcome, colourOfWorker, lines, outcomesInOrder, rareOutcomes } from './colours.js'
import { atLeastOne, legend, line, linear, middleOf, points, rounded } from './curves.js'
import { grouped } from './summaries.js'
import { duration } from './words.js'
import type { Bin } from './bins.js'
import type { LegendEntry } from './headings.js'
import type { Result, Sample } from './result.js'

/** One of them. */
export interface Panel {
  readonly title: string
  /** How it is to be read, after the title. */
  readonly note: string
  readonly heightPixels: number
  readonly yAxis: YAXisComponentOption
  readonly series: readonly (LineSeriesOption | ScatterSeriesOption)[]
  readonly legend: readonly LegendEntry[]
}

/** From top to bottom. What never happened has none. */
export function panelsOf(result: Result, bins: readonly Bin[]): readonly Panel[] {
  return [throughput(bins), outcomes(bins), ...rare(bins), backlog(bins), latency(bins), ...soak(result.samples)]
}

function throughput(bins: readonly Bin[]): Panel {
  return {
    title: 'Throughput',
    note: 'messages per second',
    heightPixels: 120,
    yAxis: linear(),
    series: [
      line(
        'sent',
        lines.sent,
        points(bins, ({ sent }) => sent),
      ),
      line(
        'effects',
        lines.effects,
        points(bins, ({ effects }) => effects),
      ),
    ],
    legend: legend('line', [
      ['sent', lines.sent],
      ['effects', lines.effects],
    ]),
  }
}

function outcomes(bins: readonly Bin[]): Panel {
  const all = outcomesInOrder(bins.flatMap((bin) => Object.keys(bin.outcomes)))
  const stacked = all.filter((name) => !isRare(name))
  return {
    title: 'Outcomes',
    note: 'deliveries per second, stacked',
    heightPixels: 140,
    yAxis: linear(),
    series: stacked.map((name) => {
      const perSecond = (bin: Bin): number => (bin.outcomes[name] ?? 0) / (bin.toSecond - bin.fromSecond)
      const end = bins.at(-1)
      const data = bins.map((bin) => [bin.fromSecond, rounded(perSecond(bin))])
      return {
        ...line(name, colourOfOutcome(name, all), end ? [...data, [end.toSecond, rounded(perSecond(end))]] : data),
        step: 'end',
        stack: 'outcomes',
        lineStyle: { width: 0 },
        areaStyle: { opacity: 0.9 },
      }
    }),
    legend: legend(
      'square',
      stacked.map((name) => [name, colourOfOutcome(name, all)]),
    ),
  }
}

/** Once in an hour is enough to be seen, which it would not be in a stack. */
function rare(bins: readonly Bin[]): readonly Panel[] {
  const names = rareOutcomes.filter((name) => bins.some((bin) => (bin.outcomes[name] ?? 0) > 0))
  if (names.length === 0) return []
  return [
    {
      title: 'Rare outcomes',
      note: 'the larger, the more at once',
      heightPixels: 8 + 17 * names.length,
      yAxis: {
        type: 'category',
        data: [...names],
        inverse: true,
        axisTick: { show: false },
        splitLine: { show: true },
        axisLabel: { interval: 0 },
      },
      series: names.map((name) => ({
        type: 'scatter',
        name,
        color: colourOfOutcome(name, names),
        data: bins.flatMap((bin) => {
          const count = bin.outcomes[name] ?? 0
          return count > 0 ? [{ value: [middleOf(bin), name], symbolSize: Math.min(14, 5 + 2 * Math.sqrt(count)) }] : []
        }),
      })),
      legend: [],
    },
  ]
}

function backlog(bins: readonly Bin[]): Panel {
  return {
    title: 'Behind',
    note: 'messages sent whose effect is still to come',
    heightPixels: 90,
    yAxis: linear(),
    series: [
      {
        ...line(
          'behind',
          lines.behind,
          points(bins, ({ behind }) => behind),
        ),
        areaStyle: { opacity: 0.25 },
      },
    ],
    legend: [],
  }
}

function latency(bins: readonly Bin[]): Panel {
  const known = bins.flatMap(({ medianMs, p99Ms }) => [medianMs, p99Ms]).filter((value) => value !== undefined)
  const powers = known.map((value) => Math.log10(atLeastOne(value)))
  const lowest = Math.floor(powers.reduce((a, b) => Math.min(a, b), powers[0] ?? 0))
  return {
    title: 'Latency',
    note: 'from sent to effect, logarithmic',
    heightPixels: 120,
    yAxis: {
      type: 'log',
      min: 10 ** lowest,
      // Two powers at least, or there would be nothing to read it by.
      max: 10 ** powers.reduce((a, b) => Math.max(a, Math.ceil(b)), lowest + 2),
      axisLabel: { formatter: (value: number) => duration(value).replace('.0 s', ' s') },
    },
    series: [
      line(
        '99 %',
        lines.p99,
        points(bins, ({ p99Ms }) => p99Ms && atLeastOne(p99Ms)),
      ),
      line(
        'median',
        lines.median,
        points(bins, ({ medianMs }) => medianMs && atLeastOne(medianMs)),
      ),
    ],
    legend: legend('line', [
      ['median', lines.median],
      ['99 %', lines.p99],
    ]),
  }
}

function soak(samples: readonly Sample[]): readonly Panel[] {
  if (samples.length === 0) return []
  const inTime = samples.toSorted((a, b) => a.atMs - b.atMs)
  const workers = [...grouped(inTime, ({ worker }) => worker)]
  const records = new Map(inTime.map(({ atMs, records: count }) => [atMs / 1_000, count]))
  const heaps = workers.map(([worker, of], place) =>
    line(
      worker,
      colourOfWorker(place),
      of.map(({ atMs, heapBytes }) => [atMs / 1_000, rounded(heapBytes / 1_000_000)]),
    ),
  )
  return [
    {
      title: 'Heap',
      note: 'MB per worker, after a garbage collection',
      heightPixels: 110,
      yAxis: linear(),
      series: heaps,
      // There are as many as were started: more than a few are told apart by none.
      legend:
        workers.length <= 8
          ? legend(
              'line',
              workers.map(([worker], place) => [worker, colourOfWorker(place)]),
            )
          : [],
    },
    {
      title: 'Records',
      note: 'in the store',
      heightPixels: 80,
      yAxis: linear(),
      series: [line('records', lines.records, [...records])],
      legend: [],
    },
  ]
}

/** What has its own row, and is not stacked. */
function isRare(name: string): boolean {
  return rareOutcomes.some((each) => each === name)
}
