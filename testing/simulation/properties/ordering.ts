import { recordOf } from '../facts.js'
import { aloneFromLapses, recoveryMs, seconds, slackMs, turnMs, watching } from './property.js'
import type { Property } from './property.js'

/** What comes before what. */
export const ordering: readonly Property[] = [
  {
    name: 'order-is-kept',
    sentence: 'Messages of one ordering key are handled one after the other, as they were sent, until one is postponed or set aside.',
    open(facts, violate) {
      const lanes = new Map<string, string[]>()
      const laneOf = new Map(facts.plan.messages.map(({ id, orderingKey, via }) => [id, via === 'broker' ? orderingKey : undefined]))
      const settled = new Set<string>()
      return (happening) => {
        if (happening.what === 'sent') {
          const lane = laneOf.get(happening.message)
          if (lane !== undefined) lanes.set(lane, [...(lanes.get(lane) ?? []), happening.message])
        }
        if ((happening.what === 'ack' || happening.what === 'postponed') && !happening.takenAway) settled.add(happening.message)
        if (happening.what !== 'started' || happening.delivery === undefined) return
        const { message, worker } = happening
        const lane = lanes.get(laneOf.get(message) ?? '') ?? []
        for (const earlier of lane.slice(0, lane.indexOf(message))) {
          if (!settled.has(earlier)) violate(`${worker} starts ${message} before ${earlier} of the same ordering key is settled`)
        }
      }
    },
  },
  {
    name: 'rests-are-kept',
    sentence: 'After a failure no run of the key begins before its pause is over, whatever copies of it are about.',
    open(facts, violate) {
      const rests = new Map<string, number>()
      const { retryDelaysMs } = facts.plan.settings
      return (happening) => {
        if (happening.what === 'store-forgot') rests.clear()
        if (happening.what === 'outcome' && happening.outcome.status === 'retried' && happening.delivery !== undefined) {
          const run = facts.runs.ofDelivery(happening.delivery)
          // What was not claimed by lease is counted in the header only, and nothing rests.
          if (!run?.ended || !run.token || facts.forgotAtMs.some((forgotMs) => forgotMs >= run.startedAtMs)) return
          const delayMs = retryDelaysMs[Math.min(run.attempt, retryDelaysMs.length) - 1] ?? 0
          rests.set(run.key, Math.max(rests.get(run.key) ?? 0, run.ended.atMs + delayMs))
        }
        // Who runs unclaimed, as the store is away, asks nobody.
        if (happening.what !== 'started' || happening.token === 0) return
        const untilMs = rests.get(happening.key)
        if (untilMs !== undefined && happening.atMs < untilMs - slackMs)
          violate(`${happening.worker} starts ${happening.message} before ${seconds(untilMs)}, until when ${happening.key} rests`)
      }
    },
  },
  {
    name: 'alone-comes-first',
    sentence: 'From the moment at which a message waits to run alone, nothing else begins in its process.',
    open(facts, violate) {
      const claims = new Map<string, { readonly lapses: number; readonly claimedAtMs: number }>()
      const inHand = new Map<string, Map<number, string>>()
      /** Which record waits in each process, and since when. */
      const waiting = new Map<string, { readonly record: string; readonly sinceMs: number }>()
      const waits = (worker: string, record: string, token: number): boolean => {
        const lapses = claims.get(`${record} ${token}`)?.lapses ?? 0
        const ran = facts.runs.all.some((run) => run.worker === worker && run.token === token)
        const others = [...(inHand.get(worker)?.values() ?? [])].filter((each) => each === record)
        // Which of several deliveries of a key it is that waits cannot be seen.
        return lapses >= aloneFromLapses && lapses < facts.plan.settings.maxLapses && !ran && others.length === 1
      }
      return watching({
        arrived({ worker, delivery, message }) {
          inHand.set(worker, (inHand.get(worker) ?? new Map<number, string>()).set(delivery, recordOf(facts.keyOf(message))))
        },
        outcome({ worker, delivery, message }) {
          if (delivery === undefined) return
          inHand.get(worker)?.delete(delivery)
          if (waiting.get(worker)?.record === recordOf(facts.keyOf(message))) waiting.delete(worker)
        },
        rebalanced: ({ worker }) => void waiting.delete(worker),
        stopping: ({ worker }) => void waiting.delete(worker),
        store(step) {
          const { worker, record, atMs } = step
          // Its turn has come, whatever the store says.
          if (step.step === 'claim' && waiting.get(worker)?.record === record) waiting.delete(worker)
          if (step.step === 'claim' && step.status === 'claimed')
            claims.set(`${record} ${step.token}`, { lapses: step.lapses, claimedAtMs: atMs })
          const givenBack = step.step === 'release' && step.answer && step.restMs === 0
          if (givenBack && !waiting.has(worker) && waits(worker, record, step.token)) waiting.set(worker, { record, sinceMs: atMs })
        },
        started({ worker, key, message, delivery, token, atMs, run }) {
          const first = waiting.get(worker)
          if (!first || delivery === undefined || !token) return
          // Of two that wait to run alone, either may be first.
          if ((facts.runs.find(run)?.lapses ?? 0) >= aloneFromLapses && first.record !== recordOf(key)) return
          if (first.record === recordOf(key)) return void waiting.delete(worker)
          const claimedAtMs = claims.get(`${recordOf(key)} ${token}`)?.claimedAtMs ?? 0
          // It may have been asked for before, and have left at the end of its turn.
          const late = claimedAtMs > first.sinceMs + facts.plan.settings.transitMs * 2 + turnMs(facts) + slackMs
          if (late && !facts.troubled(worker, first.sinceMs - recoveryMs(facts), atMs))
            violate(`${worker} starts ${message}, while ${first.record} waits to run alone since ${seconds(first.sinceMs)}`)
        },
      })
    },
  },
]
