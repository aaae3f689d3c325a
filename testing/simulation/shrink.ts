import { otherNoises, reductions } from './reductions.js'
import type { Plan } from './plan.js'

export interface ShrinkOptions {
  /** How many plans are played at most, at least 1. @default 2_000 */
  readonly mostRuns?: number | undefined
  /** Told of each smaller plan that still fails, and how many were played until then. */
  readonly onProgress?: ((plan: Plan, runs: number) => void) | undefined
}

export interface Shrunk {
  readonly plan: Plan
  /** How many plans were played. */
  readonly runs: number
}

/**
 * Finds a small plan that still fails, for a person to read: takes out of `plan`, which fails, whatever can be taken out of it, and makes plainer what is
 * left, until nothing more can be done. The same plan and the same answers of `stillFails` give the same result; what it rejects with is thrown on.
 *
 * Whatever is taken out shifts the noise of all that is left, and a history may then not fail only because of that. So when nothing more can be taken out
 * under the noise of the plan, each smaller plan is also played under some other noises, and then under more.
 */
export async function shrink(
  plan: Plan,
  stillFails: (plan: Plan) => Promise<boolean>,
  { mostRuns = 2_000, onProgress }: ShrinkOptions = {},
): Promise<Shrunk> {
  const tried = new Set([JSON.stringify(plan)])
  let runs = 0
  const fails = async (candidate: Plan): Promise<boolean> => {
    const text = JSON.stringify(candidate)
    if (runs >= mostRuns || tried.has(text)) return false
    tried.add(text)
    runs += 1
    return stillFails(candidate)
  }
  const firstThatFails = async (candidates: readonly Plan[]): Promise<Plan | undefined> => {
    for (const candidate of candidates) if (await fails(candidate)) return candidate
    return undefined
  }

  /** Goes through all reductions once. Answers the same plan if none of them led to a smaller one. */
  const pass = async (start: Plan, noises: number): Promise<Plan> => {
    let stands = start
    for (const reduction of reductions) {
      const offers = reduction(stands)
      for (let offer = offers.next(); !offer.done && runs < mostRuns; offer = offers.next(stands)) {
        // Nothing was there to be taken out: under other noise it would only be another history of the same size.
        if (JSON.stringify(offer.value) === JSON.stringify(stands)) continue
        const smaller = await firstThatFails([offer.value, ...otherNoises(offer.value, noises)])
        if (!smaller) continue
        stands = smaller
        onProgress?.(stands, runs)
      }
    }
    return stands
  }

  let stands = plan
  for (let level = 0; level < noisesTried.length;) {
    const smaller = await pass(stands, noisesTried[level] ?? 0)
    level = smaller === stands ? level + 1 : 0
    stands = smaller
  }
  return { plan: stands, runs }
}

/** How many other noises are tried, where fewer of them led nowhere. */
const noisesTried = [0, 4, 16]
