import type { Times, Totals } from './totals.js'

/** Rows in columns; `sides` says for each whether it is set to the left or to the right, as in 'lrr'. */
export function table(sides: string, rows: readonly (readonly (string | number)[])[]): readonly string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)))
  const widths = Array.from({ length: sides.length }, (_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const set = (cell: string, column: number): string =>
    sides[column] === 'r' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
  return cells.map((row) => row.map(set).join('   ').trimEnd())
}

/** What many histories came to, for a person. */
export function totalsTables(totals: Totals, tookMs: number): readonly string[] {
  const { histories, failed, virtualMs, messages, deliveries, runs, effects } = totals
  const faults = mostFirst(totals.faults)
  const twice = mostFirst(totals.twice)
  const perHistory = (count: number): string => (count / Math.max(1, histories)).toFixed(2)
  const share = (count: number): string => `${((count / Math.max(1, histories)) * 100).toFixed(1)} %`
  return [
    ...table('lr', [
      ['histories', histories],
      ['histories per second', Math.round((histories / tookMs) * 1_000)],
      ['virtual hours', Math.round(virtualMs / 3_600_000)],
      ['messages', messages],
      ['deliveries', deliveries],
      ['runs of a handler', runs],
      ['effects', effects],
    ]),
    '',
    ...(faults.length === 0
      ? ['no faults']
      : table('lrrr', [
          ['faults', 'times', 'per history', 'histories'],
          ...faults.map(([name, each]) => [`  ${name}`, each.times, perHistory(each.times), share(each.histories)]),
        ])),
    '',
    ...(twice.length === 0
      ? ['nothing took effect twice']
      : table('lrr', [
          ['took effect twice, as it may', 'times', 'histories'],
          ...twice.map(([reason, each]) => [`  ${reason}`, each.times, share(each.histories)]),
        ])),
    '',
    failed === 0 ? 'All held.' : `${failed} ${failed === 1 ? 'history' : 'histories'} failed.`,
  ]
}

function mostFirst(byName: Readonly<Record<string, Times>>): readonly [string, Times][] {
  return Object.entries(byName).toSorted(([, one], [, other]) => other.times - one.times)
}
