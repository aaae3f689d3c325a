import { readFileSync } from 'node:fs'
import { planOf } from '../../testing/simulation/planning.js'
import { UnusableError } from './arguments.js'
import type { Plan } from '../../testing/simulation/plan.js'
import type { Command } from './arguments.js'
import type { Screen } from './screen.js'
import type { Workshop } from './workshop.js'

/** Plays one history and tells its story. */
export async function playOne(
  { source, about, bug }: Extract<Command, { what: 'one' }>,
  workshop: Workshop,
  screen: Screen,
): Promise<number> {
  const plan = 'file' in source ? readPlan(source.file) : planOf(source.seed, { forgets: source.forgets })
  if (about !== undefined && !plan.messages.some(({ key }) => key === about)) {
    const keys = [...new Set(plan.messages.map(({ key }) => JSON.stringify(key)))]
    throw new UnusableError(`no message has the key ${JSON.stringify(about)}; the keys are ${keys.join(', ')}`)
  }
  const player = await workshop.player(bug)
  try {
    const { lines, violations, twice } = await player.tell(plan, about)
    if (screen.json) screen.say(JSON.stringify({ seed: plan.seed, violations, twice }))
    else for (const line of lines) screen.say(line)
    return violations.length === 0 ? 0 : 1
  } finally {
    await player.close()
  }
}

function readPlan(file: string): Plan {
  let plan: unknown
  try {
    plan = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UnusableError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const members = ['seed', 'settings', 'workers', 'messages', 'behaviours', 'faults']
  const missing = members.filter((member) => typeof plan !== 'object' || plan === null || !(member in plan))
  if (missing.length > 0) throw new UnusableError(`${file} holds no plan: it has no ${missing.join(', no ')}`)
  return plan as Plan
}
