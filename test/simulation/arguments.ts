import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { planted } from './planted.js'
import type { PlantedBug } from './edits.js'

export const usage = `
  npm run simulate -- --seed N               plays one history and tells its story
  npm run simulate -- --seeds A..B           plays many, on all cores; --seeds N for 1..N
  npm run simulate -- --plan FILE            plays a plan that was written into a file
  npm run simulate -- --planted [NAME ...]   plants bugs on purpose, and plays until each is found

    --about KEY     with --seed or --plan: tells of this key only
    --forgets       the store forgets as well, as after a failover; the guarantee is then a weaker one
    --cores N       how many threads play (default: all cores)
    --keep-going    with --seeds: goes on after a history that fails
    --out FILE      with --seeds: where the plan of a history that fails is written, made small (default simulation-SEED.json)
    --most N        with --planted: how many histories are played for each bug (default 10000)
    --json          one JSON object instead of tables and stories

  With --seed, --seeds or --plan, --planted NAME plays with that one bug planted.

  The exit status is 0 if all held (and every planted bug was found), 1 if something did not, 2 if nothing could be played.
`

export type Command =
  | { readonly what: 'help'; readonly json: false }
  | {
      readonly what: 'one'
      readonly source: { readonly seed: number; readonly forgets: boolean } | { readonly file: string }
      readonly about: string | undefined
      readonly bug: PlantedBug | undefined
      readonly json: boolean
    }
  | {
      readonly what: 'many'
      readonly from: number
      readonly to: number
      readonly bug: PlantedBug | undefined
      readonly forgets: boolean
      readonly cores: number
      readonly keepGoing: boolean
      readonly out: string | undefined
      readonly json: boolean
    }
  | {
      readonly what: 'planted'
      readonly bugs: readonly PlantedBug[]
      readonly most: number
      readonly forgets: boolean
      readonly cores: number
      readonly json: boolean
    }

/** Words on the command line that cannot be meant. The message is one line. */
export class UnusableError extends Error {}

/** Reads the command line. Throws an `UnusableError`. */
export function readCommand(words: readonly string[]): Command {
  const { values, positionals } = parseWords(words)
  if (values.help) return { what: 'help', json: false }
  const [source, second] = (['seed', 'seeds', 'plan'] as const).filter((name) => values[name] !== undefined)
  if (second) throw new UnusableError(`--${source} and --${second} do not go together`)
  const kind = source ?? (values.planted ? 'planted' : undefined)
  if (!kind) throw new UnusableError('say what to play: --seed N, --seeds A..B, --plan FILE or --planted')
  for (const [option, kinds] of Object.entries(onlyWith)) {
    if (values[option as keyof typeof onlyWith] !== undefined && !kinds.includes(kind))
      throw new UnusableError(`--${option} goes with ${kinds.map((each) => `--${each}`).join(' and ')} only`)
  }
  if (!values.planted && positionals.length > 0) throw new UnusableError(`what is ${positionals.join(' ')} for?`)
  if (values.planted && source && positionals.length !== 1) throw new UnusableError(`--planted with --${source} takes one name`)

  const bugs = [...new Set(positionals)].map(bugOf)
  const [bug] = bugs
  const { forgets, about, json, out } = values
  const cores = wholeNumber('cores', values.cores ?? String(availableParallelism()), 1)
  switch (kind) {
    case 'seed':
      return { what: 'one', source: { seed: wholeNumber('seed', values.seed ?? '', 0), forgets }, about, bug, json }
    case 'plan':
      return { what: 'one', source: { file: values.plan ?? '' }, about, bug, json }
    case 'seeds':
      return { what: 'many', ...seedsOf(values.seeds ?? ''), bug, forgets, cores, keepGoing: values['keep-going'] ?? false, out, json }
    case 'planted':
      return {
        what: 'planted',
        bugs: bugs.length > 0 ? bugs : planted,
        most: wholeNumber('most', values.most ?? '10000', 1),
        forgets,
        cores,
        json,
      }
  }
}

const onlyWith = {
  about: ['seed', 'plan'],
  'keep-going': ['seeds'],
  out: ['seeds'],
  most: ['planted'],
  cores: ['seeds', 'planted'],
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string' },
        plan: { type: 'string' },
        planted: { type: 'boolean' },
        about: { type: 'string' },
        forgets: { type: 'boolean', default: false },
        cores: { type: 'string' },
        'keep-going': { type: 'boolean' },
        out: { type: 'string' },
        most: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    })
  } catch (error) {
    throw new UnusableError(error instanceof Error ? (error.message.split(/\. To specify|\n/)[0] ?? '') : String(error))
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new UnusableError(`--${name} must be a whole number of at least ${least}, and is ${text === '' ? 'empty' : text}`)
}

function seedsOf(text: string): { readonly from: number; readonly to: number } {
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  if (first === undefined || last === undefined) return { from: 1, to: wholeNumber('seeds', text, 1) }
  const range = { from: wholeNumber('seeds', first, 0), to: wholeNumber('seeds', last, 0) }
  if (range.from > range.to) throw new UnusableError(`--seeds ${text} ends before it begins; try ${last}..${first}`)
  return range
}

function bugOf(name: string): PlantedBug {
  const bug = planted.find((each) => each.name === name)
  if (bug) return bug
  const near = planted.filter((each) => each.name.includes(name)).map((each) => each.name)
  throw new UnusableError(
    `no planted bug is called ${name}; ${near.length > 0 ? `did you mean ${near.join(', ')}?` : 'npm run simulate -- --planted plays them all'}`,
  )
}
