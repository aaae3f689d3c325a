/** Tables and texts as HTML. */
import type { Table } from './tables.js'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Not broken into lines where the last column could be instead. */
const longestLine = 60

/** For an element or an attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** Its heading included. */
export function htmlTable({ title, columns, rows, note }: Table, className = ''): string {
  const classOf = (text: string, column: number): string => {
    if (columns[column]?.side === 'right') return ' class="number"'
    return column < columns.length - 1 && text.length <= longestLine ? ' class="short"' : ''
  }
  const cell = (tag: 'td' | 'th', text: string, column: number): string =>
    `<${tag}${classOf(text, column)}>${escaped(text).replaceAll('\n', '<br>')}</${tag}>`
  const row = (tag: 'td' | 'th', cells: readonly string[]): string => cells.map((text, column) => cell(tag, text, column)).join('')
  return [
    `<section${className && ` class="${className}"`}>\n<h2>${escaped(title)}</h2>\n<table>`,
    `<thead><tr>${row(
      'th',
      columns.map(({ name }) => name),
    )}</tr></thead>`,
    '<tbody>',
    ...rows.map(({ cells, isWrong }) => `<tr${isWrong ? ' class="wrong"' : ''}>${row('td', cells)}</tr>`),
    '</tbody>',
    ...(note === undefined ? [] : [`<tfoot><tr><td colspan="${columns.length}">${escaped(note)}</td></tr></tfoot>`]),
    '</table>\n</section>',
  ].join('\n')
}
