/** Faults as bars in their lanes, and as shades behind the panels. */
import type { CustomSeriesOption } from 'echarts/charts'
import { fadedInk, fontFamily, ink } from './colours.js'
import type { Bar } from './lanes.js'

/** From the top of the picture, in pixels. */
export interface Place {
  readonly top: number
  readonly height: number
}

const barPixels = 11
const narrowestBar = 2
const narrowestShade = 1
const gapPixels = 4

/** Behind everything, as high as the whole picture. They belong to the first grid, which is as high as all others together. */
export function shades(bars: readonly Bar[], { top, height }: Place): CustomSeriesOption {
  return {
    type: 'custom',
    z: 1,
    silent: true,
    data: bars.map(({ fault }) => [fault.fromMs / 1_000, fault.toMs / 1_000]),
    renderItem: ({ dataIndex }, { value, coord }) => {
      const x = coord([value(0), 0])[0] ?? 0
      const width = Math.max(narrowestShade, (coord([value(1), 0])[0] ?? 0) - x)
      return { type: 'rect', shape: { x, y: top, width, height }, style: { fill: bars[dataIndex]?.colour ?? ink, opacity: 0.1 } }
    },
  }
}

/** In the grid of the lanes, with the label beside each. */
export function barsOfFaults(bars: readonly Bar[], gridIndex: number): CustomSeriesOption {
  return {
    type: 'custom',
    xAxisIndex: gridIndex,
    yAxisIndex: gridIndex,
    z: 4,
    silent: true,
    data: bars.map(({ fault, row }) => [fault.fromMs / 1_000, fault.toMs / 1_000, row]),
    renderItem: ({ dataIndex }, { value, coord }) => {
      const bar = bars[dataIndex]
      const [x = 0, y = 0] = coord([value(0), value(2)])
      const width = Math.max(narrowestBar, (coord([value(1), value(2)])[0] ?? 0) - x)
      const shape = { x, y: y - barPixels / 2, width, height: barPixels, r: 1 }
      const rectangle = { type: 'rect' as const, shape, style: { fill: bar?.colour ?? ink } }
      if (bar?.label === undefined) return rectangle
      const isRight = bar.labelSide === 'right'
      const style = {
        text: bar.label,
        x: isRight ? x + width + gapPixels : x - gapPixels,
        y,
        align: bar.labelSide === 'right' ? ('left' as const) : ('right' as const),
        verticalAlign: 'middle' as const,
        fill: ink,
        font: `11px ${fontFamily}`,
      }
      return { type: 'group', children: [rectangle, { type: 'text', style }] }
    },
  }
}

/** From here on nothing is sent, and what is left gets done. */
export function endOfLoad(loadMs: number, { top, height }: Place): CustomSeriesOption {
  return {
    type: 'custom',
    z: 2,
    silent: true,
    data: [[loadMs / 1_000, 0]],
    renderItem: (_, { value, coord }) => {
      const x = coord([value(0), 0])[0] ?? 0
      const shape = { x1: x, x2: x, y1: top, y2: top + height }
      return { type: 'line', shape, style: { stroke: fadedInk, lineDash: [4, 3], lineWidth: 1 } }
    },
  }
}
