import { checkFit } from './build.js'
import type { Violation } from '../../testing/simulation/history.js'
import type { Command } from './arguments.js'
import type { PlantedBug } from './edits.js'
import type { Player } from './players.js'
import type { Screen } from './screen.js'
import type { Workshop } from './workshop.js'

type Hunt = Extract<Command, { what: 'planted' }>

/** What came of one planted bug. */
interface Hunted {
  readonly bug: PlantedBug
  readonly histories: number
  /** Undefined where it was not found. */
  readonly found:
    { readonly seed: number; readonly forgets: boolean; readonly violation: Violation; readonly properties: readonly string[] } | undefined
}

const batch = 25

/** Plants each bug and plays, seed after seed, until a property does not hold. */
export async function huntBugs(hunt: Hunt, workshop: Workshop, screen: Screen): Promise<number> {
  const { bugs, cores, json } = hunt
  checkFit(bugs)
  const clean = openCleanPlayer(workshop)
  let histories = 0
  const began = performance.now()
  const queue = [...bugs.keys()]
  const hunted: (Hunted | undefined)[] = bugs.map(() => undefined)
  const hunting = new Map<string, number>()
  let told = 0

  const onSeed = (name: string): void => {
    histories += 1
    hunting.set(name, (hunting.get(name) ?? 0) + 1)
    const now = [...hunting].map(([each, played]) => `${each} (${played.toLocaleString('en')})`).join(', ')
    screen.progress(`${hunted.filter((each) => each).length} of ${bugs.length}; looking for ${now}`)
  }
  /** In the order of the list, whichever is found first. */
  const tell = (): void => {
    for (let next = hunted[told]; next; next = hunted[told]) {
      told += 1
      const { bug, histories, found } = next
      if (!json) screen.say(rowOf(bugs, bug.name, histories.toLocaleString('en'), found?.properties.slice(0, 3).join(', ') ?? 'NOT FOUND'))
    }
  }
  const work = async (): Promise<void> => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
      const bug = bugs[index]
      if (!bug) continue
      hunting.set(bug.name, 0)
      hunted[index] = await huntOne(bug, hunt, workshop, clean.holds, () => onSeed(bug.name))
      hunting.delete(bug.name)
      tell()
    }
  }
  if (!json) screen.say(rowOf(bugs, 'planted', 'histories', 'found by'))
  await Promise.all(Array.from({ length: Math.min(cores, bugs.length) }, work))
  await clean.close()

  const all = hunted.flatMap((each) => each ?? [])
  const missed = all.filter(({ found }) => !found)
  const status = missed.length === 0 && clean.failing.size === 0 ? 0 : 1
  if (json) {
    screen.say(
      JSON.stringify({ histories, planted: all.map(({ bug: { name, why }, histories, found }) => ({ name, why, histories, ...found })) }),
    )
    return status
  }
  for (const { bug, found } of all.length <= 3 ? all : []) for (const line of detailsOf(bug, found)) screen.say(line)
  const seconds = Math.round((performance.now() - began) / 1_000)
  screen.say('')
  screen.say(`${all.length - missed.length} of ${all.length} found, in ${histories.toLocaleString('en')} histories and ${seconds} s.`)
  if (clean.failing.size > 0) {
    const seeds = [...clean.failing].toSorted((one, other) => one - other)
    screen.say(
      `Left out, as they fail without any bug planted, too: ${seeds.length} histories, first seeds ${seeds.slice(0, 5).join(', ')}.`,
    )
  }
  return status
}

async function huntOne(
  bug: PlantedBug,
  { most, ...hunt }: Hunt,
  workshop: Workshop,
  holds: (seed: number, forgets: boolean) => Promise<boolean>,
  onSeed: () => void,
): Promise<Hunted> {
  const forgets = hunt.forgets || bug.forgets === true
  let player = await workshop.player(bug)
  try {
    const begin = bug.from ?? 1
    const last = begin + most - 1
    for (let from = begin; from <= last;) {
      const to = Math.min(last, from + batch - 1)
      const { failures, lost } = await player.play({ from, to, forgets, keepGoing: false }, onSeed)
      const [first] = failures
      if (first && (await holds(first.seed, forgets))) {
        const properties = [...new Set(first.violations.map(({ property }) => property))]
        return { bug, histories: first.seed - begin + 1, found: { seed: first.seed, forgets, violation: first.violations[0], properties } }
      }
      if (lost) player = await workshop.player(bug)
      from = (first?.seed ?? to) + 1
    }
    return { bug, histories: most, found: undefined }
  } finally {
    await player.close()
  }
}

/** Says whether a history holds without any bug planted; asked of those only at which one seems to be found. */
interface CleanPlayer {
  readonly failing: ReadonlySet<number>
  holds(seed: number, forgets: boolean): Promise<boolean>
  close(): Promise<void>
}

function openCleanPlayer(workshop: Workshop): CleanPlayer {
  const failing = new Set<number>()
  let player: Promise<Player> | undefined
  let asked: Promise<unknown> = Promise.resolve()
  const play = async (seed: number, forgets: boolean): Promise<boolean> => {
    player ??= workshop.player(undefined)
    const { failures } = await (await player).play({ from: seed, to: seed, forgets, keepGoing: false }, () => undefined)
    if (failures.length > 0) failing.add(seed)
    return failures.length === 0
  }
  return {
    failing,
    holds(seed, forgets) {
      const answer = asked.then(() => play(seed, forgets))
      asked = answer.catch(() => undefined)
      return answer
    },
    close: async () => (await player)?.close(),
  }
}

/** One row of a table whose rows are told as they come. */
function rowOf(bugs: readonly PlantedBug[], name: string, histories: string, found: string): string {
  const widest = Math.max(...bugs.map((bug) => bug.name.length))
  return `${name.padEnd(widest)}   ${histories.padStart(9)}   ${found}`
}

function detailsOf(bug: PlantedBug, found: Hunted['found']): readonly string[] {
  const more = found && [
    `${found.violation.property}: ${found.violation.message}`,
    `The story: npm run simulate -- --planted ${bug.name} --seed ${found.seed}${found.forgets ? ' --forgets' : ''}`,
  ]
  return ['', `${bug.name}: ${bug.why}`, ...(more ?? [])]
}
