import { relative } from 'node:path'
import type { Result } from './run-cell.js'

/** What became of each cell, and below it what failed. */
export function tableOf(results: readonly Result[]): string {
  const rows = [
    ['cell', 'passed', 'failed', 'seconds'],
    ...results.map(({ name, passed, failures, seconds }) => [name, String(passed), String(failures.length), seconds.toFixed(0)]),
  ]
  const lines = rows.map(([name = '', ...numbers]) => name.padEnd(16) + numbers.map((number) => number.padStart(9)).join(''))
  const failed = results.filter(({ failures }) => failures.length > 0)
  const told = failed.flatMap(({ name, failures, log }) => [
    '',
    `${name}, see ${relative('', log)}:`,
    ...failures.map((each) => `  ${each}`),
  ])
  return [...lines, ...told].join('\n')
}
