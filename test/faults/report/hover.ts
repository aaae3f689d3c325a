/** What is told where the pointer rests on the picture: titles of SVG, which need no script. */
import { outcomesInOrder } from './colours.js'
import { escaped } from './html.js'
import { counted, duration, plain, timeOfRun } from './words.js'
import type { Bin } from './bins.js'
import type { Bar } from './lanes.js'

/** What is in the picture, and where. */
export interface Hover {
  readonly bins: readonly Bin[]
  readonly bars: readonly Bar[]
  readonly lengthSeconds: number
  readonly leftPixels: number
  readonly plotPixels: number
  /** Where the first panel begins, and the lanes do. */
  readonly top: number
  readonly lanesTop: number
  readonly rowPixels: number
}

/** Narrower bars are not met with a pointer. */
const narrowestPixels = 6

/** As elements of SVG, to be laid over the picture. */
export function hoverTexts({ bins, bars, lengthSeconds, leftPixels, plotPixels, top, lanesTop, rowPixels }: Hover): string {
  const x = (seconds: number): number => Math.round((leftPixels + (seconds / lengthSeconds) * plotPixels) * 10) / 10
  const area = (from: number, width: number, y: number, height: number, text: string): string =>
    `<rect x="${from}" y="${y}" width="${width.toFixed(1)}" height="${height}"><title>${escaped(text)}</title></rect>`
  return [
    '<g fill="none" pointer-events="all">',
    ...bins.map((bin) => area(x(bin.fromSecond), x(bin.toSecond) - x(bin.fromSecond), top, lanesTop - top, ofBin(bin))),
    ...bars.map(({ fault, row }) => {
      const from = x(fault.fromMs / 1_000)
      const width = Math.max(narrowestPixels, x(fault.toMs / 1_000) - from)
      return area(from, width, lanesTop + row * rowPixels, rowPixels, ofFault(fault))
    }),
    '</g>',
  ].join('\n')
}

function ofBin({ fromSecond, sent, effects, behind, outcomes, medianMs, p99Ms }: Bin): string {
  const told = outcomesInOrder(Object.keys(outcomes)).map((name) => `${plain(name)} ${counted(outcomes[name] ?? 0)}`)
  const latency = medianMs === undefined ? [] : [`median ${duration(medianMs)}, 99 % ${duration(p99Ms)}`]
  const rates = `${counted(Math.round(sent))} sent and ${counted(Math.round(effects))} effects per second, ${counted(behind)} behind`
  return [timeOfRun(fromSecond * 1_000), rates, ...latency, ...told].join('\n')
}

function ofFault({ name, detail, fromMs, toMs, firstEffectMs, caughtUpMs }: Bar['fault']): string {
  const after = `next effect after ${duration(firstEffectMs)}, caught up after ${duration(caughtUpMs)}`
  return `${plain(name)} at ${timeOfRun(fromMs)} for ${duration(toMs - fromMs)}\n${plain(detail)}\n${after}`
}
