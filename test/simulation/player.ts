/** Plays histories in a thread of its own. `build.ts` bundles it, with a bug planted in what it plays or without. */
import { parentPort } from 'node:worker_threads'
import { planOf } from '../../testing/simulation/planning.js'
import { shrink } from '../../testing/simulation/shrink.js'
import { simulate } from '../../testing/simulation/simulate.js'
import { tellStory } from '../../testing/simulation/story.js'
import { unplayable } from './orders.js'
import { memoryPieces } from './pieces.js'
import { added, nothing, totalsOf } from './totals.js'
import type { History, Violation } from '../../testing/simulation/history.js'
import type { Plan } from '../../testing/simulation/plan.js'
import type { Answer, Failure, Order, Sign } from './orders.js'

const unheard: unknown[] = []
const hear = (error: unknown): void => void unheard.push(error)
process.on('unhandledRejection', hear)
process.on('uncaughtException', hear)

const sign = (given: Sign): void => parentPort?.postMessage(given)

/** Plays a plan. What is thrown where nobody listens fails the history as any property does. */
async function play(plan: Plan): Promise<History> {
  unheard.length = 0
  const history = await simulate(plan, memoryPieces()).catch((error: unknown): History => {
    hear(error)
    return { plan, happenings: [], violations: [], twice: [] }
  })
  // Rejections that nobody heard are told of before the event loop goes on.
  await new Promise((resolve) => setImmediate(resolve))
  const atMs = history.happenings.at(-1)?.atMs ?? 0
  const thrown = unheard.map((error): Violation => ({ property: unplayable, message: textOf(error), atMs }))
  return { ...history, violations: [...history.violations, ...thrown] }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : `something was thrown: ${String(error)}`
}

async function playSeeds({ from, to, forgets, keepGoing }: Extract<Order, { what: 'play' }>): Promise<Answer> {
  let totals = nothing
  const failures: Failure[] = []
  for (let seed = from; seed <= to && (keepGoing || failures.length === 0); seed += 1) {
    sign({ what: 'seed', seed })
    const history = await play(planOf(seed, { forgets }))
    totals = added(totals, totalsOf(history))
    const [first, ...others] = history.violations
    if (first) failures.push({ seed, violations: [first, ...others] })
  }
  return { what: 'played', totals, failures }
}

async function shrinkPlan({ plan, property }: Extract<Order, { what: 'shrink' }>): Promise<Answer> {
  const stillFails = async (smaller: Plan): Promise<boolean> => {
    sign({ what: 'run' })
    const { violations } = await play(smaller)
    return violations.some((violation) => violation.property === property)
  }
  const shrunk = await shrink(plan, stillFails, { onProgress: (smaller, runs) => sign({ what: 'smaller', plan: smaller, runs }) })
  return { what: 'shrunk', ...shrunk }
}

async function carryOut(order: Order): Promise<Answer> {
  switch (order.what) {
    case 'play':
      return playSeeds(order)
    case 'shrink':
      return shrinkPlan(order)
    case 'tell': {
      const history = await play(order.plan)
      const { violations, twice } = history
      return { what: 'told', lines: tellStory(history, { about: order.about }), violations, twice }
    }
  }
}

parentPort?.on('message', (order: Order) => {
  // What goes wrong in here is no fault of the history: the thread ends, and its owner hears of it.
  void carryOut(order).then(
    (answer) => parentPort?.postMessage(answer),
    (error: unknown) => {
      process.off('uncaughtException', hear)
      setImmediate(() => {
        throw error
      })
    },
  )
})
