/** The report of a run for the terminal. */
import { headline } from './summaries.js'
import { countsTable, doubledTables, faultsTable, faultSpansTable, latencyTable, soakTable } from './tables.js'
import { duration, plain, several } from './words.js'
import type { Result } from './result.js'
import type { Table } from './tables.js'

const columnsOfTerminal = 120
const indent = '  '
/** Set before what is wrong, in the place of the indent. */
const mark = '! '
const gap = '   '
/** A cell is broken into lines at this width; that of the last column at what is left. */
const widestCell = 44
/** As many faults as are told one by one. */
const fewFaults = 12

/** At most 120 columns wide, but for the command. The last line is `ok` or `NOT OK`. */
export function tell(result: Result): string {
  const { title, command, beganAt, lengthMs, loadMs, workers, faults, verdict, latencies, samples } = result
  const tables = [
    countsTable(result),
    ...doubledTables(result),
    ...(faults.length > 0 ? [faultsTable(result)] : []),
    ...(faults.length > 0 && faults.length <= fewFaults ? [faultSpansTable(faults)] : []),
    ...(latencies.length > 0 ? [latencyTable(result)] : []),
    ...(samples.length > 0 ? [soakTable(result)] : []),
  ]
  const sections = [
    [
      ...broken(plain(title), columnsOfTerminal),
      `${indent}load for ${duration(loadMs)}, ${duration(lengthMs)} in all, since ${beganAt}; ${several(workers, 'worker')}, ${several(faults.length, 'fault')}`,
      // In one piece, to be copied.
      `${indent}${plain(command)}`,
    ],
    ...tables.map(set),
    [...broken(`${headline(verdict)}.`, columnsOfTerminal), verdict.isOk ? 'ok' : 'NOT OK'],
  ]
  return sections.map((lines) => lines.join('\n')).join('\n\n')
}

function set({ title, columns, rows, note }: Table): readonly string[] {
  const names = columns.map(({ name }) => name)
  const widths = columns.map((_, column) => {
    const lines = [names, ...rows.map(({ cells }) => cells)].flatMap((cells) => (cells[column] ?? '').split('\n'))
    return Math.min(
      lines.reduce((most, each) => Math.max(most, widthOf(each)), 0),
      widestCell,
    )
  })
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + gap.length, indent.length)
  if (columns.at(-1)?.side === 'left') widths[widths.length - 1] = Math.max(20, columnsOfTerminal - before)
  const line = (start: string, cells: readonly string[]): readonly string[] => {
    const lines = cells.map((cell, column) => cell.split('\n').flatMap((each) => broken(each, widths[column] ?? widestCell)))
    return Array.from({ length: Math.max(...lines.map(({ length }) => length)) }, (_, index) =>
      `${start}${lines.map((each, column) => aligned(each[index] ?? '', widths[column] ?? 0, columns[column]?.side)).join(gap)}`.trimEnd(),
    )
  }
  return [
    ...broken(title, columnsOfTerminal),
    ...line(indent, names),
    ...rows.flatMap(({ cells, isWrong }) => line(isWrong ? mark : indent, cells)),
    ...(note === undefined ? [] : [`${indent}${note}`]),
  ]
}

function aligned(cell: string, width: number, side: 'left' | 'right' | undefined): string {
  const room = ' '.repeat(Math.max(0, width - widthOf(cell)))
  return side === 'right' ? `${room}${cell}` : `${cell}${room}`
}

/** Between words, and where a word alone is too long, inside it. */
function broken(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (widthOf(longer) <= width) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    const characters = Array.from(word)
    while (characters.length > width) lines.push(characters.splice(0, width).join(''))
    line = characters.join('')
  }
  return [...lines, line]
}

function widthOf(text: string): number {
  return Array.from(text).length
}
