/** The picture of a run: panels and lanes of faults, one above the other on one axis of time, as SVG. */
import { CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { EChartsOption } from 'echarts'
import { binned } from './bins.js'
import { fadedInk, fontFamily, rule } from './colours.js'
import { headingsOf } from './headings.js'
import { hoverTexts } from './hover.js'
import { lanesOf } from './lanes.js'
import { panelsOf } from './panels.js'
import { barsOfFaults, endOfLoad, shades } from './spans.js'
import { timeOfRun } from './words.js'
import type { Lanes } from './lanes.js'
import type { Panel } from './panels.js'
import type { Result } from './result.js'
import type { Place } from './spans.js'

use([LineChart, ScatterChart, CustomChart, GridComponent, SVGRenderer])

const widthPixels = 1_200
const leftPixels = 118
const rightPixels = 26
const plotPixels = widthPixels - leftPixels - rightPixels
/** Room for the heading above a panel. */
const headPixels = 36
/** Of a lane, and where there are many of them. */
const rowPixels = 19
const narrowRowPixels = 15
const manyRows = 14
const footPixels = 30
const mostPoints = 1_200
const text = { fontFamily, fontSize: 11, color: fadedInk }
/** Between two times below the picture, in seconds; the shortest is taken that leaves room for them. */
const intervals = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400]
const mostTimes = 14

/** What it looks like, and what has to be said about it. */
export interface Picture {
  readonly svg: string
  /** What one point of it stands for. */
  readonly secondsPerPoint: number
}

/** As an element of HTML, as wide as the place that it is put into. */
export function pictureOf(result: Result): Picture {
  const { widthSeconds, bins } = binned(result.seconds, mostPoints)
  const lastFaultMs = result.faults.reduce((most, { toMs }) => Math.max(most, toMs), 0)
  const lengthSeconds = Math.max(1, bins.at(-1)?.toSecond ?? 0, lastFaultMs / 1_000, result.lengthMs / 1_000)
  const panels = panelsOf(result, bins)
  const lanes = lanesOf(result.faults, plotPixels, lengthSeconds * 1_000)
  const lanePixels = lanes.rows.length > manyRows ? narrowRowPixels : rowPixels
  const places: Place[] = []
  let bottom = 0
  for (const height of [...panels.map(({ heightPixels }) => heightPixels), Math.max(1, lanes.rows.length) * lanePixels]) {
    places.push({ top: bottom + headPixels, height })
    bottom += headPixels + height
  }
  const whole = { top: headPixels, height: bottom - headPixels }
  const svg = drawn({ panels, lanes, places, whole, lengthSeconds, loadMs: result.loadMs }, bottom + footPixels)

  const ofFaults = { title: 'Faults', note: lanes.rows.length === 0 ? 'none' : 'shaded above, too', legend: [] }
  const headings = [...panels, ofFaults].map((each, index) => ({ ...each, bottomPixels: (places[index]?.top ?? 0) - 9 }))
  const lanesTop = places.at(-1)?.top ?? 0
  const hover = hoverTexts({
    bins,
    bars: lanes.bars,
    lengthSeconds,
    leftPixels,
    plotPixels,
    top: headPixels,
    lanesTop,
    rowPixels: lanePixels,
  })
  return {
    svg: [
      `<svg viewBox="0 0 ${widthPixels} ${bottom + footPixels}" role="img" aria-label="The run over time" font-family="${fontFamily}" font-size="11">`,
      svg,
      headingsOf(headings, leftPixels, widthPixels - rightPixels - 8),
      hover,
      '</svg>',
    ].join('\n'),
    secondsPerPoint: widthSeconds,
  }
}

interface Drawing {
  readonly panels: readonly Panel[]
  readonly lanes: Lanes
  /** Of the panels, and of the lanes as the last one. */
  readonly places: readonly Place[]
  readonly whole: Place
  readonly lengthSeconds: number
  readonly loadMs: number
}

/** What is inside the SVG, without what only a live chart needs. */
function drawn(drawing: Drawing, heightPixels: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: widthPixels, height: heightPixels })
  try {
    chart.setOption(optionOf(drawing))
    return (
      chart
        .renderToSVGString()
        .replace(/<style[\s\S]*?<\/style>/g, '')
        .replace(/<\/?svg[^>]*>/g, '')
        // Numbered by the charts of this process, and there is one on a page.
        .replace(/((?: id="|url\(#)zr)\d+/g, '$1')
        .replace(/ (?:class|pointer-events|ecmeta_[a-z_]+)="[^"]*"/g, '')
    )
  } finally {
    chart.dispose()
  }
}

function optionOf({ panels, lanes, places, whole, lengthSeconds, loadMs }: Drawing): EChartsOption {
  const grid = [whole, ...places].map(({ top, height }) => ({
    left: leftPixels,
    right: rightPixels,
    top,
    height,
    outerBoundsMode: 'none' as const,
  }))
  const last = grid.length - 1
  return {
    animation: false,
    textStyle: { fontFamily },
    grid,
    xAxis: grid.map((_, index) => timeAxis(index, last, lengthSeconds)),
    yAxis: [
      { type: 'value' as const, min: 0, max: 1, show: false },
      ...panels.map(({ yAxis }, index) => ({
        ...yAxis,
        gridIndex: index + 1,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { show: true, lineStyle: { color: rule } },
        axisLabel: { ...text, ...yAxis.axisLabel },
      })),
      {
        type: 'category' as const,
        gridIndex: last,
        inverse: true,
        // A category is known by its name, and the rows of one kind have none but the first.
        data: lanes.rows.length === 0 ? [''] : lanes.rows.map((_, index) => String(index)),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { ...text, interval: 0, formatter: (_: string, index: number) => lanes.rows[index] ?? '' },
      },
    ] as NonNullable<EChartsOption['yAxis']>,
    series: [
      ...panels.flatMap(({ series }, index) =>
        series.map((each) => ({ ...each, xAxisIndex: index + 1, yAxisIndex: index + 1, silent: true, emphasis: { disabled: true }, z: 3 })),
      ),
      shades(lanes.bars, whole),
      barsOfFaults(lanes.bars, last),
      ...(loadMs < lengthSeconds * 1_000 ? [endOfLoad(loadMs, whole)] : []),
    ] as NonNullable<EChartsOption['series']>,
  }
}

/** The same in every grid; only the last one tells the times. */
function timeAxis(gridIndex: number, last: number, lengthSeconds: number) {
  const interval = intervals.find((each) => lengthSeconds / each <= mostTimes) ?? 86_400
  const isLast = gridIndex === last
  return {
    type: 'value' as const,
    gridIndex,
    min: 0,
    max: lengthSeconds,
    interval,
    show: gridIndex > 0,
    axisLine: { show: isLast, lineStyle: { color: fadedInk } },
    axisTick: { show: isLast },
    splitLine: { show: true, lineStyle: { color: rule } },
    // The end is told, too, wherever that is.
    axisLabel: { ...text, show: isLast, formatter: (seconds: number) => (seconds % interval === 0 ? timeOfRun(seconds * 1_000) : '') },
  }
}
