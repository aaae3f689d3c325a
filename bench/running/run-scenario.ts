import { freshName } from '../stages/names.js'
import { gatherFacts } from './facts.js'
import { spawnContender } from './spawn.js'
import type { Ended } from './spawn.js'
import type { Case, Entrant, Scenario } from '../scenario.js'
import type { Result, Run } from '../result.js'
import type { Settings } from '../contract.js'

export interface RunOptions {
  readonly rounds: number
  readonly isQuick: boolean
  /** Why there are no peers; undefined when there are. */
  readonly peersFault: string | undefined
  readonly signal: AbortSignal
  /** Told what runs now. */
  readonly progress: (text: string) => void
  readonly say: (text: string) => void
}

/** How often a contender may fail in one case before it is left out of what remains. */
const mostFailures = 2

/** All contenders in all cases, round by round, so that a slow moment of the machine falls on all of them. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Result> {
  const { isQuick, peersFault, signal, progress, say } = options
  const rounds = Math.min(options.rounds, scenario.mostRounds ?? options.rounds)
  const cases = scenario.cases.filter((each) => !isQuick || each.isQuick)
  const entrants = scenario.entrants.filter(({ isPeer }) => !isPeer || peersFault === undefined)
  const node = scenario.node?.() ?? process.execPath
  const stage = await scenario.stage()
  const runs: Run[] = []
  try {
    const facts = gatherFacts(stage.servers, node)
    for (let round = 0; round < rounds; round += 1) {
      for (const inCase of cases) {
        for (const entrant of turned(entrants, round)) {
          if (signal.aborted) break
          if (!takesPart(entrant, inCase) || failures(runs, entrant, inCase) >= mostFailures) continue
          progress(`${scenario.name}: round ${round + 1} of ${rounds}, ${inCase.name}, ${entrant.name}`)
          const name = freshName()
          const own = settingsOf(scenario, inCase, entrant, isQuick)
          const ended = await attempt(async () => {
            const settings = { ...own, ...(await stage.prepare(name, own)) }
            const work = { contender: entrant.contender, measuring: scenario.measuring, name, settings }
            return spawnContender(work, { node, limitMs: scenario.limitMs, signal })
          })
          await stage.tidy(name)
          if (signal.aborted) break
          const run = told(entrant, inCase, round, ended)
          runs.push(run)
          if (run.status !== 'measured') {
            say(`  ${scenario.name}, ${inCase.name}, ${entrant.name}: ${run.status === 'wrong' ? `WRONG: ${run.reason}` : run.lastWords}`)
          }
        }
      }
    }
    return {
      name: scenario.name,
      title: scenario.title,
      facts,
      isQuick,
      rounds,
      varies: scenario.varies,
      cases: cases.map(({ name }) => name),
      entrants: scenario.entrants.map(({ name, isBaseline, isOurs }) => ({
        name,
        isBaseline: isBaseline === true,
        isOurs: isOurs === true,
      })),
      measures: scenario.measures,
      targets: scenario.targets,
      runs,
      leftOut: scenario.entrants
        .filter((entrant) => !entrants.includes(entrant))
        .map(({ name }) => ({ entrant: name, reason: peersFault ?? '' })),
      note: scenario.note,
    }
  } finally {
    await stage.close()
  }
}

function settingsOf(scenario: Scenario, inCase: Case, entrant: Entrant, isQuick: boolean): Settings {
  return { ...scenario.settings, ...(isQuick && scenario.quickSettings), ...inCase.settings, ...entrant.settings }
}

/** Nobody is always the first, or always after the same one. */
function turned(entrants: readonly Entrant[], round: number): readonly Entrant[] {
  const from = entrants.length === 0 ? 0 : round % entrants.length
  return [...entrants.slice(from), ...entrants.slice(0, from)]
}

function takesPart({ cases }: Entrant, { name }: Case): boolean {
  return cases === undefined || cases.includes(name)
}

function failures(runs: readonly Run[], { name }: Entrant, inCase: Case): number {
  return runs.filter((run) => run.status === 'failed' && run.entrant === name && run.case === inCase.name).length
}

async function attempt(run: () => Promise<Ended>): Promise<Ended> {
  try {
    return await run()
  } catch (error) {
    return { lastWords: `could not be prepared: ${String(error)}` }
  }
}

function told({ name }: Entrant, inCase: Case, round: number, ended: Ended): Run {
  const which = { entrant: name, case: inCase.name, round }
  if ('lastWords' in ended) return { ...which, status: 'failed', lastWords: ended.lastWords }
  const { measures, wrong } = ended.measured
  return wrong === undefined ? { ...which, status: 'measured', measures } : { ...which, status: 'wrong', reason: wrong }
}
