/** What is told of a scenario in the terminal. */
import { plain } from '../../test/faults/report/words.js'
import { cellOf, judge, troubles } from '../result.js'
import { ratio, rounded, spread } from './numbers.js'
import { setTable } from './table.js'
import type { Judged, Result } from '../result.js'
import type { Measure } from '../scenario.js'

export function tell(result: Result): string {
  const { name, title, facts, isQuick, rounds, note, leftOut } = result
  const judged = judge(result)
  const wrong = troubles(result)
  const sections = [
    [`${name}: ${title}`, ...about(result)],
    ...result.measures.map((measure) => measureTable(result, measure)),
    ...(judged.length > 0 ? [['Targets', ...indented(targetTable(result, judged))]] : []),
    ...(wrong.length > 0
      ? [['NOT RATED', ...indented(wrong.map(({ entrant, cases, what }) => `${entrant} (${cases.join(', ')}): ${plain(what)}`))]]
      : []),
    ...(leftOut.length > 0 ? [['Left out', ...indented(leftOut.map(({ entrant, reason }) => `${entrant}: ${plain(reason)}`))]] : []),
    ...(note === undefined ? [] : [[note]]),
  ]
  const roundsTold = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}${isQuick ? ', quick: for a first look only' : ''}`
  return [`${facts.at}, ${roundsTold}`, ...sections.map((lines) => lines.join('\n'))].join('\n\n')
}

/** One line for each fact. */
function about({ facts }: Result): readonly string[] {
  const { node, cpu, cpus, load, servers, commit } = facts
  return indented([
    `Node ${node} on ${cpus} x ${cpu}, load at start ${load.map((value) => value.toFixed(1)).join(' ')}${commit === undefined ? '' : `, commit ${commit}`}`,
    ...Object.entries(servers).map(([name, told]) => `${name} ${told}`),
  ])
}

function measureTable(result: Result, measure: Measure): readonly string[] {
  const base = result.entrants.find(({ isBaseline }) => isBaseline)
  const rows = result.entrants
    .map(({ name }) => ({ name, cells: result.cases.map((each) => cellOf(result, name, each, measure.name)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== undefined))
    .map(({ name, cells }) => [
      name,
      ...cells.map((cell) =>
        cell === undefined
          ? '-'
          : `${rounded(cell.value.median)}${cell.ratio ? ` ${ratio(cell.ratio.median)}` : ''}${told(cell.value.least, cell.value.most)}`,
      ),
    ])
  if (rows.length === 0) return []
  const against = base ? `; x: to ${base.name}, round by round` : ''
  return [
    `${measure.title}, ${measure.unit} (median, least to most${against})`,
    ...indented(setTable({ head: [`${result.varies}:`, ...result.cases], rows })),
  ]
}

function told(least: number, most: number): string {
  return least === most ? '' : `\n${rounded(least)} to ${rounded(most)}`
}

function targetTable(result: Result, judged: readonly Judged[]): readonly string[] {
  const titles = new Map(result.measures.map(({ name, title }) => [name, title]))
  return setTable({
    head: ['', 'who', 'what', result.varies, 'asked', 'measured'],
    rightFrom: 4,
    rows: judged.map(({ target, case: inCase, asked, reached, verdict }) => [
      verdict === 'missed' ? 'MISSED' : verdict,
      `${target.entrant}${target.against === undefined ? '' : `\n  against ${target.against}`}`,
      titles.get(target.measure) ?? target.measure,
      inCase,
      `${target.bound} ${rounded(asked)}`,
      reached ? spread(reached) : '-',
    ]),
  })
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}
