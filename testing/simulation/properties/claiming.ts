import { recordOf } from '../facts.js'
import { isUnclaimed, seconds, slackMs } from './property.js'
import type { Facts, RunFact } from '../facts.js'
import type { Property } from './property.js'

/** Whose a key is, and when a handler may start on it. */
export const claiming: readonly Property[] = [
  {
    name: 'store-keeps-its-contract',
    sentence: 'Every answer of the store is the one that its contract asks for, worked out a second time from the answers before.',
    open: (facts, violate) => () => {
      if (facts.wrong !== undefined) violate(facts.wrong)
    },
  },
  {
    name: 'starts-only-on-its-own',
    sentence:
      'A handler starts only on a key that is claimed for it: never on one that is consumed within its window, at rest, or held by a live lease of somebody else.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'started' || isUnclaimed(facts, happening.token)) return
      const { worker, message, key, token, atMs } = happening
      const record = recordOf(key)
      if (token === undefined) {
        if (facts.records.heldBy(record) === undefined && !brokenOff(facts, worker, atMs))
          violate(`${worker} starts ${message} in a transaction that does not hold ${key}`)
        return
      }
      const held = facts.records.find(record)
      if (held?.state === 'consuming' && held.token === token && held.untilMs + slackMs >= atMs) return
      if (!held && facts.forgotAtMs.length > 0) return
      violate(
        `${worker} starts ${message} as token ${token}, where ${key} is ${held ? `${held.state} with token ${held.token} until ${seconds(held.untilMs)}` : 'not claimed'}`,
      )
    },
  },
  {
    name: 'one-at-a-time',
    sentence: 'While a handler runs, no other one starts on its key, unless the lease of the first can be over.',
    open(facts, violate) {
      const keptAtMs = new Map<string, number>()
      return (happening) => {
        const { atMs } = happening
        if (happening.what === 'store' && happening.step === 'claim' && happening.status === 'claimed')
          keptAtMs.set(`${happening.record} ${happening.token}`, atMs)
        if (happening.what === 'store' && happening.step === 'renew' && happening.answer)
          keptAtMs.set(`${happening.record} ${happening.token}`, atMs)
        // Who runs unclaimed, as the store is away, asks nobody.
        if (happening.what !== 'started' || isUnclaimed(facts, happening.token) || facts.forgotAtMs.length > 0) return
        const { key, message, worker, run: id } = happening
        for (const other of facts.runs.ofKey(key)) {
          if (other.run === id || !isUnderWay(facts, other)) continue
          const keptMs = keptAtMs.get(`${recordOf(key)} ${other.token}`) ?? 0
          if (atMs - keptMs >= facts.plan.settings.leaseMs - slackMs) continue
          violate(
            `${worker} starts ${message} while ${other.worker} runs ${other.message} of the same key, whose lease was kept ${seconds(atMs - keptMs)} before`,
          )
        }
      }
    },
  },
  {
    name: 'no-effect-after-a-successor',
    sentence: 'A handler that asks its signal right before its effect has none once another claim has been made on its key.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'effect') return
      const run = facts.runs.find(happening.run)
      const behaviour = facts.plan.behaviours[happening.key]
      if (!run?.token || behaviour?.heeds === 'nothing' || facts.forgotAtMs.length > 0) return
      const held = facts.records.find(recordOf(run.key))
      if (held && held.token > run.token && held.claimedAtMs < happening.atMs - slackMs) {
        violate(
          `${run.worker} has the effect of ${run.message} as token ${run.token}, after ${held.worker} has claimed ${run.key} as token ${held.token}`,
        )
      }
    },
  },
]

/** Whether a run under a lease goes on, heard or unheard. */
function isUnderWay(facts: Facts, { token, ended, worker }: RunFact): boolean {
  return token !== undefined && token > 0 && !ended && facts.worker(worker)?.crashed === undefined
}

/** Its transaction may have been rolled back by the server while it was stalled, or cut off. */
function brokenOff(facts: Facts, worker: string, nowMs: number): boolean {
  return facts.troubled(worker, nowMs - facts.plan.settings.maxRunMs - 5_000, nowMs)
}
