/** What stands above a panel: its title, how to read it, and its legend. The browser sets it, for only that knows how wide the letters are. */
import { fadedInk, ink } from './colours.js'
import { escaped } from './html.js'
import { plain } from './words.js'

export interface Heading {
  readonly title: string
  readonly note: string
  readonly legend: readonly LegendEntry[]
  /** Of the letters' feet, from the top of the picture. */
  readonly bottomPixels: number
}

export interface LegendEntry {
  readonly name: string
  readonly colour: string
  readonly sign: 'line' | 'square'
}

const space = '\u00A0'

/** The titles begin at the first of the two, and the legends end at the second. */
export function headingsOf(headings: readonly Heading[], leftPixels: number, rightPixels: number): string {
  return headings
    .map(({ title, note, legend, bottomPixels }) => {
      const entries = legend.map(({ name, colour, sign }) => {
        const drawn = sign === 'line' ? `stroke="${colour}" stroke-width="1.5">—` : '>■'
        return `<tspan fill="${colour}" ${drawn}</tspan>${space}${escaped(plain(name))}`
      })
      return [
        `<text x="${leftPixels}" y="${bottomPixels}" fill="${fadedInk}">`,
        `<tspan font-size="13" font-weight="600" fill="${ink}">${escaped(title)}</tspan>${space}${space}${escaped(note)}</text>`,
        ...(entries.length > 0 ? [`<text x="${rightPixels}" y="${bottomPixels}" text-anchor="end" fill="${ink}">`] : []),
        ...(entries.length > 0 ? [entries.join(space.repeat(4)), '</text>'] : []),
      ].join('')
    })
    .join('\n')
}
