/** What the panels are made of. */
import type { YAXisComponentOption } from 'echarts'
import type { LineSeriesOption } from 'echarts/charts'
import type { Bin } from './bins.js'
import type { LegendEntry } from './headings.js'

/** Thinner where there are many points. */
const lineWidths = { few: 1.4, many: 0.9 } as const
const manyPoints = 600
/** A line of one point would not be seen. */
const dotPixels = 3.2
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** Its second number is null where there is a gap. */
export type Point = readonly [x: number, y: number | null] | readonly number[]

/** With gaps where nothing is known. */
export function line(name: string, colour: string, data: readonly Point[]): LineSeriesOption {
  const isAlone = (index: number): boolean => isGap(data[index - 1]) && isGap(data[index + 1])
  return {
    type: 'line',
    name,
    color: colour,
    data: data.map((point) => [...point]),
    lineStyle: { width: data.length > manyPoints ? lineWidths.many : lineWidths.few },
    symbol: 'circle',
    showAllSymbol: true,
    showSymbol: data.some((point, index) => !isGap(point) && isAlone(index)),
    symbolSize: (_: unknown, { dataIndex }: { readonly dataIndex: number }) => (isAlone(dataIndex) ? dotPixels : 0),
  }
}

function isGap(point: Point | undefined): boolean {
  return point === undefined || point[1] === null
}

/** One in the middle of each bin; undefined is a gap. */
export function points(bins: readonly Bin[], of: (bin: Bin) => number | undefined): readonly Point[] {
  return bins.map((bin) => {
    const value = of(bin)
    return [middleOf(bin), value === undefined ? null : rounded(value)] as const
  })
}

/** Its place on the axis of time, in seconds. */
export function middleOf({ fromSecond, toSecond }: Bin): number {
  return (fromSecond + toSecond) / 2
}

/** An axis from 0. */
export function linear(): YAXisComponentOption {
  return { type: 'value', min: 0, splitNumber: 3, axisLabel: { formatter: (value: number) => short.format(value) } }
}

/** Of names and their colours. */
export function legend(sign: LegendEntry['sign'], entries: readonly (readonly [name: string, colour: string])[]): readonly LegendEntry[] {
  return entries.map(([name, colour]) => ({ name, colour, sign }))
}

/** A logarithm has no place for 0. */
export function atLeastOne(value: number): number {
  return Math.max(1, value)
}

/** More digits would only make the page longer. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
