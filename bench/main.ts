/** How fast it is, beside what it is put beside: `npm run bench -- --help`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openScreen } from '../test/simulation/screen.js'
import { services } from '../test/services/services.js'
import { readOptions, selected, usage } from './options.js'
import { picturesOf } from './report/picture.js'
import { readResults, writeResults } from './report/json.js'
import { isSound, judge } from './result.js'
import { buildAll } from './running/build.js'
import { needPeers } from './running/peers.js'
import { scratchDir } from './running/places.js'
import { runScenario } from './running/run-scenario.js'
import { scenarios } from './scenarios.js'
import { tell } from './report/text.js'
import type { Options } from './options.js'
import type { Result } from './result.js'
import type { Scenario } from './scenario.js'

const args = process.argv.slice(2)
if (args.includes('--help')) {
  process.stdout.write(usage)
  process.exit(0)
}
let options: Options
try {
  options = readOptions(
    args,
    scenarios.map(({ name }) => name),
  )
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${usage}`)
  process.exit(2)
}

const screen = openScreen(process.stdout, false)
const names = selected(
  scenarios.map(({ name }) => name),
  options.only,
)
const chosen = scenarios.filter(({ name }) => names.includes(name))

if (options.isList) {
  for (const { name, title, entrants } of chosen) {
    screen.say(`${name.padEnd(18)} ${title}\n${' '.repeat(19)}${entrants.map((entrant) => entrant.name).join('; ')}`)
  }
  process.exit(0)
}

let isStopped = false
const results =
  options.from === undefined ? await measureAll(options) : readResults(options.from).filter(({ name }) => names.includes(name))
if (options.from !== undefined) for (const result of results) screen.say(`${tell(result)}\n`)
if (options.pictures !== undefined) {
  mkdirSync(options.pictures, { recursive: true })
  for (const { file, svg } of results.flatMap(picturesOf)) writeFileSync(join(options.pictures, file), svg)
}
const judged = results.flatMap(judge)
const reached = judged.filter(({ verdict }) => verdict === 'reached').length
screen.say(`${reached} of ${judged.length} targets reached`)
process.exit(isStopped ? 130 : results.every(isSound) ? 0 : 1)

async function measureAll({ json, rounds, isQuick }: Options): Promise<readonly Result[]> {
  const stop = new AbortController()
  // What was started and made is taken away first.
  process.once('SIGINT', () => {
    isStopped = true
    stop.abort()
  })
  const say = (text: string): void => screen.say(text)
  await buildAll()
  const needsPeers = chosen.some(({ entrants }) => entrants.some(({ isPeer }) => isPeer))
  const peersFault = needsPeers ? await needPeers(say) : undefined
  const found: Result[] = []
  for (const scenario of chosen) {
    if (stop.signal.aborted) break
    const missing = await missingServer(scenario)
    if (missing !== undefined) {
      say(`${scenario.name} is left out: ${missing}\n`)
      continue
    }
    const result = await runScenario(scenario, {
      rounds,
      isQuick,
      peersFault,
      signal: stop.signal,
      progress: (text) => screen.progress(text),
      say,
    })
    if (stop.signal.aborted) break
    found.push(result)
    say(`${tell(result)}\n`)
    // After each, as the next one may be broken off.
    if (json !== undefined) writeResults(json, [result])
  }
  rmSync(scratchDir, { recursive: true, force: true })
  return found
}

async function missingServer({ needs }: Scenario): Promise<string | undefined> {
  for (const service of services.filter(({ name }) => needs.includes(name))) {
    const reason = await service.fault()
    if (reason !== undefined)
      return `${service.name} does not answer at ${service.address}: ${reason}. \`npm run services\` uses or starts it.`
  }
  return undefined
}
