import { openFacts } from './facts.js'
import { properties } from './properties.js'
import { earlierEffects, whyTwice } from './properties/doubling.js'
import type { Happening } from './chronicle.js'
import type { History, Violation } from './history.js'
import type { Plan } from './plan.js'

/** Holds a history against all properties while it happens. Knows nothing of how it is made. */
export interface Judge {
  see(happening: Happening): void
  verdict(): Pick<History, 'violations' | 'twice'>
}

export function openJudge(plan: Plan): Judge {
  const facts = openFacts(plan)
  const violations: Violation[] = []
  const twice: { readonly key: string; readonly reason: string }[] = []
  let nowMs = 0
  const watches = properties.map(({ name, open }) => open(facts, (message) => violations.push({ property: name, message, atMs: nowMs })))

  return {
    see(happening) {
      nowMs = happening.atMs
      facts.see(happening)
      for (const watch of watches) watch(happening)
      if (happening.what !== 'effect') return
      const run = facts.runs.find(happening.run)
      const before = run && earlierEffects(facts, run).at(-1)
      if (run && before) twice.push({ key: run.key, reason: whyTwice(facts, before, run) ?? 'no reason' })
    },
    verdict: () => ({ violations, twice }),
  }
}
