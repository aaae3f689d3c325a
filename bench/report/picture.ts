/** One picture for each scenario: bars of its first measures, case by case, the baseline first. */
import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { EChartsOption } from 'echarts'
import { fadedInk, fontFamily, ink, rule } from '../../test/faults/report/colours.js'
import { cellOf } from '../result.js'
import { rounded } from './numbers.js'
import type { Measure } from '../scenario.js'
import type { Result } from '../result.js'

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

const widthPixels = 900
const barPixels = 13
const headPixels = 64
const groupGapPixels = 14
const text = { fontFamily, fontSize: 11, color: fadedInk }
/** Baseline and peers in greys and quiet colours, Hapax in those that are seen first. */
const ofOurs = ['#0072B2', '#56B4E9', '#009E73', '#CC79A7']
const ofOthers = ['#5A5A5A', '#B5B5B5', '#E69F00', '#D55E00', '#F0E442', '#7F7F7F', '#D0D0D0']

export interface Picture {
  readonly file: string
  readonly svg: string
}

/** One for each measure that is shown, with bars from nought. */
export function picturesOf(result: Result): readonly Picture[] {
  return result.measures.flatMap((measure) => {
    const bars = barsOf(result, measure)
    if (bars.length === 0 || measure.isAside === true) return []
    return [{ file: `bench-${result.name}-${fileName(measure.name)}.svg`, svg: drawn(result, measure, bars) }]
  })
}

interface Bars {
  readonly name: string
  readonly colour: string
  /** By case. */
  readonly values: readonly { readonly value: number | undefined; readonly label: string }[]
}

function barsOf(result: Result, measure: Measure): readonly Bars[] {
  const [ours, others] = [[...ofOurs], [...ofOthers]]
  return result.entrants.flatMap(({ name, isOurs }) => {
    const colour = (isOurs ? ours : others).shift() ?? fadedInk
    const cells = result.cases.map((each) => cellOf(result, name, each, measure.name))
    if (cells.every((cell) => cell === undefined)) return []
    const values = cells.map((cell) => ({
      value: cell?.value.median,
      label: cell ? `${rounded(cell.value.median)}${cell.ratio ? `  x${rounded(cell.ratio.median)}` : ''}` : '',
    }))
    return [{ name, colour, values }]
  })
}

function drawn(result: Result, measure: Measure, bars: readonly Bars[]): string {
  const plotPixels = result.cases.length * (bars.length * barPixels + groupGapPixels)
  const heightPixels = headPixels + plotPixels + 30
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: widthPixels, height: heightPixels })
  try {
    chart.setOption(optionOf(result, measure, bars))
    return `${chart
      .renderToSVGString()
      .replace(/<style[\s\S]*?<\/style>/g, '')
      .replace(/ (?:class|pointer-events|ecmeta_[a-z_]+)="[^"]*"/g, '')}\n`
  } finally {
    chart.dispose()
  }
}

function optionOf(result: Result, measure: Measure, bars: readonly Bars[]): EChartsOption {
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily },
    title: {
      text: `${result.name}: ${measure.title}, ${measure.unit}, by ${result.varies}`,
      left: 12,
      top: 8,
      textStyle: { fontFamily, fontSize: 14, fontWeight: 600, color: ink },
    },
    legend: { left: 12, top: 32, itemWidth: 12, itemHeight: 10, itemGap: 18, textStyle: text },
    grid: { left: 90, right: 90, top: headPixels, bottom: 30, outerBoundsMode: 'none' },
    xAxis: { type: 'value', axisLabel: text, splitLine: { lineStyle: { color: rule } } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: [...result.cases],
      axisLine: { lineStyle: { color: fadedInk } },
      axisTick: { show: false },
      axisLabel: text,
    },
    series: bars.map(({ name, colour, values }) => ({
      type: 'bar',
      name,
      itemStyle: { color: colour },
      barGap: '0%',
      barCategoryGap: '12%',
      data: values.map(({ value, label }) => ({
        value: value ?? '-',
        label: { show: true, position: 'right', formatter: label, fontFamily, fontSize: 10, color: fadedInk },
      })),
    })),
  }
}

function fileName(measure: string): string {
  return measure.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
