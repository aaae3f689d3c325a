import { recordOf } from '../facts.js'
import { isUnclaimed, recoveryMs } from './property.js'
import type { Facts } from '../facts.js'
import type { Property } from './property.js'

/** No message is lost, and none is left for ever. */
export const losing: readonly Property[] = [
  {
    name: 'acked-for-a-reason',
    sentence:
      'A message is acked only once its own run is recorded (or superseded, or could not be recorded for long enough), its key is consumed, or its dead letter is confirmed.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'ack' || happening.takenAway) return
      const { delivery, message, worker } = happening
      if (!mayAck(facts, delivery, message, worker, happening.atMs)) violate(`${worker} acked ${message}, of which nothing has come`)
    },
  },
  {
    name: 'nothing-lost',
    sentence: 'Every message comes to an end: it is acked for a reason, or stands among the dead letters.',
    open(facts, violate) {
      const ended = new Set<string>()
      return (happening) => {
        if (happening.what === 'ack' && !happening.takenAway) ended.add(happening.message)
        if (happening.what === 'given-up') ended.add(happening.message)
        if (happening.what === 'outcome' && happening.delivery === undefined) ended.add(happening.message)
        if (happening.what !== 'over' || happening.left > 0) return
        for (const message of facts.sent) if (!ended.has(message)) violate(`${message} is gone, and nothing has come of it`)
      }
    },
  },
  {
    name: 'settled-in-the-end',
    sentence:
      'Once nothing goes wrong any more, every message is settled within the time that its leases, rests, runs and attempts can take.',
    open: (_facts, violate) => (happening) => {
      if (happening.what === 'over' && happening.left > 0) violate(`${happening.left} messages are still not settled`)
    },
  },
]

function mayAck(facts: Facts, delivery: number, message: string, worker: string, nowMs: number): boolean {
  if (facts.deadLetters.has(message)) return true
  const { windowMs, recordTimeoutMs } = facts.plan.settings
  const arrivedAtMs = facts.arrivedAtMs(delivery) ?? 0
  const key = facts.keyOf(message)
  const consumedAtMs = facts.records.consumedAt(recordOf(key))
  if (consumedAtMs !== undefined && consumedAtMs + windowMs >= arrivedAtMs) return true
  const run = facts.runs.ofDelivery(delivery)
  if (run?.ended?.how !== 'returned') return false
  if (run.refused || isUnclaimed(facts, run.token)) return true
  // Done, and tried to be recorded for as long as it should be, or until the stop was over.
  const stopped = facts.worker(worker)?.stoppingAtMs !== undefined
  const triedLongEnough = stopped || nowMs - run.ended.atMs >= recordTimeoutMs * 0.99
  return triedLongEnough && (run.putOff || facts.troubled(worker, run.ended.atMs - recoveryMs(facts), nowMs))
}
