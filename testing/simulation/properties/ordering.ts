import { seconds } from './property.js'
import type { Property } from './property.js'

/** Clocks run at different rates, and times are rounded. */
const slackMs = 10

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
          if (!run?.ended || !run.token) return
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
]
