import { parseArgs } from 'node:util'

export interface Options {
  /** Names of scenarios, or what they begin with; empty for all. */
  readonly only: readonly string[]
  readonly rounds: number
  readonly isQuick: boolean
  readonly isList: boolean
  /** Where the results go as JSON; those of other scenarios that are there stay. */
  readonly json: string | undefined
  /** The folder that the pictures go to. */
  readonly pictures: string | undefined
  /** Results of an earlier run, to be told and drawn again. */
  readonly from: string | undefined
}

export const usage = `npm run bench -- [options]

  --only      scenarios, with commas: names as --list tells them, or what they begin with   (all)
  --rounds    how often each contender is run in each case                                   (5)
  --quick     a first look: fewer cases, less time, one round unless --rounds says otherwise
  --list      tells the scenarios and who takes part
  --json      where the results go as JSON; those of other scenarios in that file stay
  --pictures  a folder for a picture of each scenario, such as docs/pictures
  --from      tells, and draws, the results in a JSON file again, and runs nothing
`

/** Throws a `RangeError` that says what to do. */
export function readOptions(args: readonly string[], known: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'string' },
      pictures: { type: 'string' },
      from: { type: 'string' },
    },
  })
  const rounds = values.rounds ?? (values.quick ? '1' : '5')
  if (!/^[1-9]\d*$/.test(rounds)) throw new RangeError(`--rounds must be a whole number of at least 1, and is ${rounds}`)
  const only = values.only?.split(',').map((name) => name.trim()) ?? []
  for (const name of only) {
    if (selected(known, [name]).length === 0) throw new RangeError(`--only names ${name}, and there is ${known.join(', ')}`)
  }
  return {
    only,
    rounds: Number(rounds),
    isQuick: values.quick,
    isList: values.list,
    json: values.json,
    pictures: values.pictures,
    from: values.from,
  }
}

/** Those that are named; and where a name is no scenario's, those that begin with it. */
export function selected(known: readonly string[], only: readonly string[]): readonly string[] {
  if (only.length === 0) return known
  return known.filter((name) => only.some((asked) => (known.includes(asked) ? name === asked : name.startsWith(`${asked}-`))))
}
