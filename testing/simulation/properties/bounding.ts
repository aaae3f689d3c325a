import { recordOf } from '../facts.js'
import { watching } from './property.js'
import type { Property } from './property.js'

/** How often an arrival is run at once where its transaction gave way to others, or its commit got no answer. */
const mostRuns = 10

/** What may not become more, and what may not become less. */
export const bounding: readonly Property[] = [
  {
    name: 'attempts-are-the-larger',
    sentence: 'A run is told of as many attempts as the header of its message or the record of its key say, whichever is more.',
    open(facts, violate) {
      const headers = new Map<number, number>()
      return watching({
        arrived: ({ delivery, replay, attempts }) => void headers.set(delivery, replay ? 0 : attempts),
        started({ key, message, attempt, token, delivery }) {
          if (delivery === undefined) return
          const record = recordOf(key)
          const claimed = token === undefined ? facts.records.heldBy(record)?.token !== undefined : token > 0
          const remembered = claimed ? (facts.records.find(record)?.attempts ?? 0) : 0
          const least = Math.max(headers.get(delivery) ?? 0, remembered) + 1
          if (attempt < least) violate(`${message} is run as attempt ${attempt}, where it is attempt ${least}`)
        },
      })
    },
  },
  {
    name: 'attempts-are-bounded',
    sentence: 'No message is tried again after its last attempt has failed.',
    open: (facts, violate) =>
      watching({
        outcome({ delivery, outcome, worker, message }) {
          if (outcome.status !== 'retried' || delivery === undefined) return
          const run = facts.runs.ofDelivery(delivery)
          const { maxAttempts } = facts.plan.settings
          if (run && run.attempt >= maxAttempts) violate(`${worker} tries ${message} again after attempt ${run.attempt} of ${maxAttempts}`)
        },
      }),
  },
  {
    name: 'lapses-are-bounded',
    sentence: 'No run starts on a key that has used its lapses.',
    open: (facts, violate) =>
      watching({
        started({ run: id, delivery }) {
          const run = facts.runs.find(id)
          const { maxLapses } = facts.plan.settings
          if (run && delivery !== undefined && run.lapses >= maxLapses)
            violate(`${run.worker} starts ${run.message}, whose key has lapsed ${run.lapses} times of ${maxLapses}`)
        },
      }),
  },
  {
    name: 'places-are-bounded',
    sentence: 'No process runs more handlers at once than it was asked to.',
    open: (facts, violate) =>
      watching({
        started({ worker, delivery }) {
          if (delivery === undefined) return
          const { concurrency } = facts.plan.settings
          const running = facts.runs.all.filter(
            (run) => run.worker === worker && run.delivery !== undefined && !run.ended && run.leftAloneAtMs === undefined,
          ).length
          if (running > concurrency) violate(`${worker} runs ${running} handlers at once`)
        },
      }),
  },
  {
    name: 'runs-at-once-are-bounded',
    sentence: 'No arrival of a message is run more than ten times, which only happens in an inbox: it is then put off.',
    open(facts, violate) {
      const { whenBusy, whenFailed } = facts.plan.settings
      const runs = new Map<number, number>()
      return watching({
        started({ worker, message, delivery }) {
          // What waits in its place has not left when it is run again.
          if (delivery === undefined || whenBusy === 'wait' || whenFailed === 'wait') return
          const times = (runs.get(delivery) ?? 0) + 1
          runs.set(delivery, times)
          if (times > mostRuns) violate(`${worker} runs ${message} for the ${times}th time without putting it off`)
        },
      })
    },
  },
]
