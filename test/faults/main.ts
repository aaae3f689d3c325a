/** Real servers, real trouble: `npm run faults -- --help`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openScreen } from '../simulation/screen.js'
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

const screen = openScreen(process.stdout, false)
const result = await conduct(options, (text, isLive) => (isLive ? screen.progress(text) : screen.say(text)))
if (options.page !== 'none') {
  const name = `${options.store}-${options.transport}-${options.mode}-${options.seed}.html`
  const file = options.page ?? join(servicesDir, 'faults', name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, renderPage(result))
  screen.say(`\nThe picture: ${file}`)
}
if (options.json !== undefined) {
  mkdirSync(dirname(options.json), { recursive: true })
  writeFileSync(options.json, JSON.stringify(result))
}
screen.say(`\n${tell(result)}`)
// Whatever is left of a client that was cut off.
process.exit(result.verdict.isOk ? 0 : 1)
