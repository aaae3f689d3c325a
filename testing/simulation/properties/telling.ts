import { recordOf } from '../facts.js'
import { watching } from './property.js'
import type { Property } from './property.js'

/** What is told is true. */
export const telling: readonly Property[] = [
  {
    name: 'outcomes-are-true',
    sentence: 'What is told as handled is recorded, and what is told as a duplicate is consumed.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'outcome' || facts.forgotAtMs.length > 0) return
      const { delivery, message, worker, outcome } = happening
      if (outcome.status !== 'handled' && outcome.status !== 'duplicate') return
      const key = facts.keyOf(message)
      if (facts.records.consumedAt(recordOf(key)) === undefined)
        violate(`${worker} tells ${message} as ${outcome.status}, though ${key} was never recorded`)
      if (outcome.status !== 'handled' || delivery === undefined) return
      const run = facts.runs.ofDelivery(delivery)
      // In an inbox, whose commit was not answered, it may be somebody else's commit that is found.
      if (run?.token !== undefined && run.recordedAtMs === undefined)
        violate(`${worker} tells ${message} as handled, though its run was not recorded`)
    },
  },
  {
    name: 'a-transaction-is-left-alone',
    sentence: 'Nobody renews a claim while the handler runs in a transaction that holds its key.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'store-threw' || happening.step !== 'renew') return
      const { worker, record, token, error, atMs } = happening
      if (token === undefined || facts.records.heldBy(record)?.token !== token) return
      // One that was on its way when the transaction began is nobody's fault.
      const { leaseMs, transitMs } = facts.plan.settings
      const run = facts.runs.all.findLast((each) => each.worker === worker && recordOf(each.key) === record)
      const sinceMs = atMs - leaseMs / 2 - transitMs * 2
      // A handler that was left alone is in no transaction any more, however long it goes on.
      if (!run || run.ended || run.leftAloneAtMs !== undefined) return
      if (run.startedAtMs < sinceMs && !facts.troubled(worker, sinceMs, atMs)) {
        violate(`${worker} renews ${record} while its own transaction holds it: ${error}`)
      }
    },
  },
  {
    name: 'told-as-it-ended',
    sentence:
      'What returned is not put off, what asked for the dead letters is not tried again, and what fails counts only while the claim is its own.',
    open(facts, violate) {
      const released = new Set<string>()
      return watching({
        store(step) {
          if (step.step === 'release' && step.answer) released.add(`${step.record} ${step.token}`)
        },
        postponed({ delivery, worker, message }) {
          const run = facts.runs.ofDelivery(delivery)
          const isDone = run?.token !== undefined && run.ended?.how === 'returned' && run.leftAloneAtMs === undefined
          if (isDone) violate(`${worker} postpones ${message}, whose work is done`)
        },
        outcome({ delivery, outcome, worker, message }) {
          const run = delivery === undefined ? undefined : facts.runs.ofDelivery(delivery)
          if (outcome.status !== 'retried' || !run) return
          if (run.ended?.how === 'asks' && run.leftAloneAtMs === undefined)
            violate(`${worker} tries ${message} again, which asked to be set aside`)
          if (run.token && !released.has(`${recordOf(run.key)} ${run.token}`))
            violate(`${worker} counts a failure of ${message}, whose claim it could not release`)
        },
      })
    },
  },
]
