/** The report of a run as one HTML file that needs no other. */
import { escaped, htmlTable } from './html.js'
import { pictureOf } from './picture.js'
import { style } from './style.js'
import { headline } from './summaries.js'
import { countsTable, doubledTables, faultsTable, faultSpansTable, latencyTable, soakTable } from './tables.js'
import { duration, plain, several } from './words.js'
import type { Result } from './result.js'

/** As many faults as are told one by one without being asked for. */
const fewFaults = 12
/** The picture tells the rest. */
const mostFaults = 2_000

/** One file: no script, no font, no picture from anywhere else. */
export function renderPage(result: Result): string {
  const { title, command, beganAt, lengthMs, loadMs, workers, faults, verdict, latencies, samples } = result
  const { svg, secondsPerPoint } = pictureOf(result)
  const facts = [
    ['began', beganAt],
    ['load', duration(loadMs)],
    ['in all', duration(lengthMs)],
    ['workers', several(workers, 'worker')],
    ['faults', several(faults.length, 'fault')],
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${verdict.isOk ? 'ok' : 'NOT OK'}: ${escaped(plain(title))}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(plain(title))}</h1>
<p class="facts">${facts.map(([name, value]) => `<span>${name === 'workers' || name === 'faults' ? '' : `${name} `}<b>${escaped(value ?? '')}</b></span>`).join('')}</p>
<pre>${escaped(plain(command))}</pre>
</header>
<p class="verdict ${verdict.isOk ? 'ok' : 'not-ok'}"><strong>${verdict.isOk ? 'OK' : 'NOT OK'}</strong> ${escaped(plain(headline(verdict)))}</p>
<figure>
${svg}
<figcaption>${caption(secondsPerPoint)}</figcaption>
</figure>
<main>
${htmlTable(countsTable(result))}
${doubledTables(result)
  .map((table) => htmlTable(table, 'doubled'))
  .join('\n')}
${faults.length > 0 ? htmlTable(faultsTable(result)) : ''}
${latencies.length > 0 ? htmlTable(latencyTable(result)) : ''}
${faults.length > 0 ? everyFault(result) : ''}
${samples.length > 0 ? htmlTable(soakTable(result)) : ''}
</main>
</body>
</html>
`
}

function caption(secondsPerPoint: number): string {
  const point =
    secondsPerPoint === 1
      ? 'Each point is one second.'
      : `Each point is ${secondsPerPoint} seconds: rates are means, the backlog and the 99 % are those of the worst second.`
  return `${point} The dashed line is the end of the load. <span>Rest the pointer on the picture for numbers.</span>`
}

function everyFault({ faults }: Result): string {
  const table = faultSpansTable(faults.slice(0, mostFaults))
  const more = faults.length - mostFaults
  const html = htmlTable(more > 0 ? { ...table, note: `and ${several(more, 'fault')} more` } : table)
  return faults.length <= fewFaults ? html : `<details><summary>Every fault, one by one</summary>\n${html}\n</details>`
}
