import { writeFileSync } from 'node:fs'
import { planOf } from '../../testing/simulation/planning.js'
import { totalsTables } from './tables.js'
import { unplayable } from './orders.js'
import { added, nothing } from './totals.js'
import type { Plan } from '../../testing/simulation/plan.js'
import type { Command } from './arguments.js'
import type { Failure } from './orders.js'
import type { Player } from './players.js'
import type { Screen } from './screen.js'
import type { Workshop } from './workshop.js'

type Many = Extract<Command, { what: 'many' }>

/** So many seeds are given to a thread at once. */
const batch = 25

/** Plays many histories, and makes the first one that fails small. */
export async function playMany(command: Many, workshop: Workshop, screen: Screen): Promise<number> {
  const began = performance.now()
  const { totals, failures } = await playSeeds(command, workshop, screen)
  const tookMs = performance.now() - began
  const [first] = failures
  if (screen.json) {
    const byProperty = failures.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation })))
    screen.say(JSON.stringify({ ...totals, historiesPerSecond: Math.round((totals.histories / tookMs) * 1_000), violations: byProperty }))
  } else for (const line of totalsTables(totals, tookMs)) screen.say(line)
  if (!first) return 0
  if (!screen.json) for (const line of failuresTable(failures)) screen.say(line)
  await reportSmall(command, first, workshop, screen)
  return 1
}

/** Every seed up to the first that fails is played, whoever plays it: so the same one is the first, however many cores there are. */
async function playSeeds(
  { from, to, bug, forgets, keepGoing, cores }: Many,
  workshop: Workshop,
  screen: Screen,
): Promise<{ totals: typeof nothing; failures: readonly Failure[] }> {
  const began = performance.now()
  let totals = nothing
  let begun = 0
  let next = from
  const failures: Failure[] = []
  const onSeed = (): void => {
    begun += 1
    const rate = Math.round((begun / (performance.now() - began)) * 1_000)
    const violations = failures.length === 0 ? 'none failed' : `${failures.length} failed`
    screen.progress(`${begun.toLocaleString('en')} of ${(to - from + 1).toLocaleString('en')} histories, ${rate} per second, ${violations}`)
  }

  const work = async (): Promise<void> => {
    let player = await workshop.player(bug)
    while (next <= to && (keepGoing || failures.length === 0)) {
      const seeds = { from: next, to: Math.min(to, next + batch - 1) }
      next = seeds.to + 1
      for (let left: typeof seeds | undefined = seeds; left;) {
        const played = await player.play({ ...left, forgets, keepGoing }, onSeed)
        totals = added(totals, played.totals)
        failures.push(...played.failures)
        const lostAt: number = played.lost ? (played.failures[0]?.seed ?? left.to) : left.to
        if (played.lost) player = await workshop.player(bug)
        left = keepGoing && lostAt < left.to ? { from: lostAt + 1, to: left.to } : undefined
      }
    }
    await player.close()
  }
  await Promise.all(Array.from({ length: Math.min(cores, Math.ceil((to - from + 1) / batch)) }, work))
  return { totals, failures: failures.toSorted((one, other) => one.seed - other.seed) }
}

/** Which properties did not hold, in how many histories, and in which first. */
function failuresTable(failures: readonly Failure[]): readonly string[] {
  const properties = new Map<string, number[]>()
  for (const { seed, violations } of failures) {
    for (const property of new Set(violations.map((violation) => violation.property)))
      properties.set(property, [...(properties.get(property) ?? []), seed])
  }
  return [...properties].map(
    ([property, seeds]) =>
      `  ${property}: ${seeds.length === 1 ? 'seed' : `${seeds.length} histories, first seeds`} ${seeds.slice(0, 5).join(', ')}`,
  )
}

async function reportSmall(
  { bug, forgets, out }: Many,
  { seed, violations: [violation] }: Failure,
  workshop: Workshop,
  screen: Screen,
): Promise<void> {
  const say = (...lines: readonly string[]): void => {
    if (!screen.json) for (const line of lines) screen.say(line)
  }
  const command = `npm run simulate -- ${bug ? `--planted ${bug.name} ` : ''}`
  const again = `${command}--seed ${seed}${forgets ? ' --forgets' : ''}`
  say('', `Seed ${seed}: ${violation.property}: ${violation.message}`)
  const plan = planOf(seed, { forgets })
  const small =
    violation.property === unplayable ? undefined : await makeSmall(plan, violation.property, () => workshop.player(bug), screen)
  if (!small) return say('', `To play it again:  ${again}`)

  const file = out ?? `simulation-${seed}.json`
  writeFileSync(file, `${JSON.stringify(small.plan, null, 2)}\n`)
  say('', `Made small (${sizeOf(plan)} became ${sizeOf(small.plan)}, ${small.runs} plans played):`, '', ...small.lines)
  say('', `To play this again:    ${command}--plan ${file}`, `As it was found:       ${again}`)
}

async function makeSmall(
  plan: Plan,
  property: string,
  open: () => Promise<Player>,
  screen: Screen,
): Promise<{ plan: Plan; runs: number; lines: readonly string[] }> {
  const player = await open()
  try {
    screen.progress(`Making it small: ${sizeOf(plan)}`)
    const { plan: small, runs } = await player.shrink(plan, property, (smaller, played) =>
      screen.progress(`Making it small: ${sizeOf(smaller)}, ${played} plans played`),
    )
    const { lines } = await player.tell(small, undefined)
    return { plan: small, runs, lines }
  } finally {
    await player.close()
  }
}

function sizeOf({ workers, messages, faults }: Plan): string {
  const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
  return `${counted(workers.length, 'worker')}, ${counted(messages.length, 'message')}, ${counted(faults.length, 'fault')}`
}
