import { styleText } from 'node:util'
import type { Entry } from './ledger.js'
import type { Report } from './check.js'
import type { Way } from './handlers.js'

/** What the audience sees while it goes on. */
export interface View {
  happening(way: Way, what: string): void
  update(way: Way, atMs: number, entries: readonly Entry[]): void
  done(way: Way, report: Report): void
  end(bare: Report, wrapped: Report): void
}

type Style = Parameters<typeof styleText>[0]

/** Their widths leave room on a terminal of 80 columns: a line that wraps cannot be drawn again in place. */
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
const width = (index: number): number => columns[index]?.[1] ?? 0

export function openView(stream: NodeJS.WriteStream, colour: boolean): View {
  const paint = (style: Style, text: string): string => (colour ? styleText(style, text) : text)
  const rows: Record<Way, string> = { bare: '', wrapped: '' }
  const events: string[] = []
  let drawn = 0
  let time = ''

  const header = `${' '.repeat(9)}${columns.map(([column, wide]) => column.padStart(wide)).join('')}`
  const draw = (): void => {
    if (!stream.isTTY) return
    const lines = [header, rows.bare, rows.wrapped, paint('dim', `  ${time}`), ...events.slice(-3)]
    stream.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`)
    drawn = lines.length
  }

  return {
    happening(way, what) {
      const line = `  ${paint('yellow', '!')} ${way}: ${what}`
      if (stream.isTTY) events.push(line)
      else stream.write(`${line}\n`)
    },
    update(way, atMs, entries) {
      rows[way] = row(way, entries, paint)
      time = `${way}, ${(atMs / 1_000).toFixed(1)} s`
      draw()
    },
    done(way, report) {
      if (stream.isTTY) return
      const told = Object.entries(report.outcomes).map(([outcome, count]) => `${count} ${outcome}`)
      stream.write(`  ${way}: ${report.deliveries} deliveries settled (${told.join(', ')}), ${money(report.chargedCents)} moved\n`)
    },
    end(bare, wrapped) {
      const verdict = (report: Report): string => paint(report.twice.length + report.lost.length === 0 ? 'green' : 'red', inWords(report))
      stream.write(`\n  ${paint('bold', 'bare   ')}  ${verdict(bare)}\n  ${paint('bold', 'wrapped')}  ${verdict(wrapped)}\n`)
      const inHands = wrapped.twice.filter((id) => wrapped.inHands.includes(id))
      if (inHands.length > 0) {
        stream.write(
          `           ${inHands.join(', ')}: charged by the killed worker, which did not live to record it. A lease cannot cover that; an inbox does.\n`,
        )
      }
      if (!wrapped.ok) stream.write(paint('red', '  The wrapped handler broke its promise. Please report this with the seed.\n'))
    },
  }
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
