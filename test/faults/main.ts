/** Real servers, real trouble: `npm run faults -- --help`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { servicesDir } from '../services/places.js'
import { conduct } from './conduct.js'
import { readOptions, usage } from './options.js'
import { renderPage } from './report/page.js'
import { tell } from './report/text.js'
import type { Options } from './options.js'

const args = process.argv.slice(2)
if (args.includes('--help')) {
  process.stdout.write(usage)
  process.exit(0)
}
let options: Options
try {
  options = readOptions(args)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${usage}`)
  process.exit(2)
}

/** On a terminal the live line is written over and over; elsewhere every ten seconds, below the other. */
const isTerminal = process.stdout.isTTY
let lastLiveAt = Number.NEGATIVE_INFINITY
function print(text: string, isLive: boolean): void {
  if (isTerminal) {
    const width = process.stdout.columns - 1
    process.stdout.write(`\r\u001B[K${isLive ? text.slice(0, width) : `${text}\n`}`)
  } else if (!isLive || performance.now() - lastLiveAt >= 10_000) {
    if (isLive) lastLiveAt = performance.now()
    process.stdout.write(`${text}\n`)
  }
}

const result = await conduct(options, print)
if (isTerminal) process.stdout.write('\r\u001B[K')
if (options.page !== 'none') {
  const name = `${options.store}-${options.transport}-${options.mode}-${options.seed}.html`
  const file = options.page ?? join(servicesDir, 'faults', name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, renderPage(result))
  process.stdout.write(`\nThe picture: ${file}\n`)
}
process.stdout.write(`\n${tell(result)}\n`)
// Whatever is left of a client that was cut off.
process.exit(result.verdict.isOk ? 0 : 1)
