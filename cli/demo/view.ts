import { styleText } from 'node:util'
import type { Entry } from './ledger.js'
import type { Report } from './check.js'
import type { Way } from './handlers.js'

/** What the audience sees while it goes on. */
export interface View {
  /** What is being done before or after the payments. */
  doing(way: Way, what: string): void
  happening(way: Way, what: string): void
  update(way: Way, atMs: number, entries: readonly Entry[]): void
  /** The entries are all that counts, and may be others than those shown on the way. */
  done(way: Way, report: Report, entries: readonly Entry[]): void
  end(bare: Report, wrapped: Report): void
}

type Style = Parameters<typeof styleText>[0]

/** With the names of the ways they fill a terminal of 80 columns. */
const columns: readonly (readonly [string, number])[] = [
  ['settled', 9],
  ['charged', 9],
  ['twice', 7],
  ['dropped', 9],
  ['put off', 9],
  ['retried', 9],
  ['aside', 7],
  ['moved', 12],
]
const verdictIndent = 11
const widest = 9 + columns.reduce((sum, [, wide]) => sum + wide, 0)
const width = (index: number): number => columns[index]?.[1] ?? 0

/** The title is shown with the first that there is to see. */
export function openView(stream: NodeJS.WriteStream, colour: boolean, title: string): View {
  const paint = (style: Style, text: string): string => (colour ? styleText(style, text) : text)
  // Drawn again in place where there is room: a line that wraps cannot be.
  const live = stream.isTTY && stream.columns >= widest
  const rows: Record<Way, string> = { bare: '', wrapped: '' }
  const events: string[] = []
  let drawn = 0
  let begun = false
  let status = ''

  const header = `${' '.repeat(9)}${columns.map(([column, wide]) => column.padStart(wide)).join('')}`
  const begin = (): void => {
    if (!begun) stream.write(`\n${fold(title, stream, 2)}\n\n`)
    begun = true
  }
  const draw = (): void => {
    begin()
    if (!live) return
    const lines = [header, rows.bare, rows.wrapped, paint('dim', `  ${status}`), ...events]
    stream.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`)
    drawn = lines.length
  }

  return {
    doing(way, what) {
      status = `${way}: ${what}`
      draw()
    },
    happening(way, what) {
      const line = `  ${paint('yellow', '!')} ${way}: ${what}`
      if (live) events.push(line)
      else {
        begin()
        stream.write(`${line}\n`)
      }
    },
    update(way, atMs, entries) {
      rows[way] = row(way, entries, paint)
      status = `${way}, ${(atMs / 1_000).toFixed(1)} s`
      draw()
    },
    done(way, report, entries) {
      begin()
      if (live) {
        rows[way] = row(way, entries, paint)
        status = ''
        draw()
        return
      }
      const told = Object.entries(report.outcomes).map(([outcome, count]) => `${count} ${outcome}`)
      const settled = `${report.deliveries} deliveries settled (${told.join(', ')}), ${money(report.chargedCents)} moved`
      stream.write(`${fold(`${way}: ${settled}`, stream, 2)}\n`)
    },
    end(bare, wrapped) {
      const verdict = (way: Way, report: Report): string => {
        const words = fold(inWords(report), stream, verdictIndent).trimStart()
        return `  ${paint('bold', way.padEnd(7))}  ${paint(report.twice.length + report.lost.length === 0 ? 'green' : 'red', words)}\n`
      }
      stream.write(`\n${verdict('bare', bare)}${verdict('wrapped', wrapped)}`)
      const remark = remarkOn(wrapped)
      if (remark) stream.write(`${fold(remark, stream, verdictIndent)}\n`)
      if (!wrapped.ok)
        stream.write(
          `${paint('red', fold('The wrapped handler broke its promise. Please report this with the seed, and with what you have played it on.', stream, 2))}\n`,
        )
    },
  }
}

/** What is to be said of what the killed worker had in its hands. */
function remarkOn({ twice, inHands, killed, inbox }: Report): string | undefined {
  if (inbox && inHands.length > 0)
    return `${killed} was killed with ${inHands.join(', ')} in its hands. That excuses nothing here: charge and record commit together.`
  const excused = twice.filter((id) => inHands.includes(id))
  if (excused.length === 0) return undefined
  return `${excused.join(', ')}: charged by the killed worker, which did not live to record it. A lease cannot cover that; an inbox does.`
}

/** Indents a text, and breaks it between words where a terminal would break it anywhere. */
function fold(text: string, stream: NodeJS.WriteStream, indent: number): string {
  const margin = ' '.repeat(indent)
  const most = stream.isTTY && stream.columns > indent + 20 ? stream.columns - indent : Number.POSITIVE_INFINITY
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((each) => `${margin}${each}`).join('\n')
}

function row(way: Way, entries: readonly Entry[], paint: (style: Style, text: string) => string): string {
  const count = (outcome: string): number => entries.filter((entry) => entry.outcome === outcome).length
  const charges = entries.filter(({ what }) => what === 'charged')
  const twice = charges.length - new Set(charges.map(({ payment }) => payment)).size
  const cents = charges.reduce((sum, entry) => sum + (entry.cents ?? 0), 0)
  const cells = [
    String(entries.filter(({ what }) => what === 'settled').length),
    String(charges.length),
    String(twice),
    ...(way === 'bare'
      ? ['-', '-', '-', '-']
      : [count('duplicate'), count('postponed'), count('retried'), count('dead-lettered')].map(String)),
    money(cents),
  ].map((cell, index) => (index === 2 && twice > 0 ? paint('red', cell.padStart(width(index))) : cell.padStart(width(index))))
  return `  ${paint('bold', way.padEnd(7))}${cells.join('')}`
}

/** One line that says it all. */
function inWords({ payments, twice, tooMuchCents, lost, lostCents, setAside }: Report): string {
  const aside = setAside.length > 0 ? `, ${setAside.length} set aside for a person (${setAside.join(', ')})` : ''
  const lostWords = lost.length > 0 ? `lost ${lost.length} without a trace (${lost.join(', ')}, ${money(lostCents)})` : 'lost none'
  if (twice.length === 0)
    return `charged ${payments - lost.length - setAside.length} of ${payments} payments once, none twice, ${lostWords}${aside}`
  return `charged ${twice.length} of ${payments} payments twice or more (${money(tooMuchCents)} too much), ${lostWords}${aside}`
}

function money(cents: number): string {
  return new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' }).format(cents / 100)
}
