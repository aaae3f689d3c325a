import { recordOf } from '../facts.js'
import { recoveryMs, turnMs } from './property.js'
import type { Facts, LapseFact, RunFact } from '../facts.js'
import type { Property } from './property.js'

/** How long a call waits at most before it leaves without those in front of it having been answered, in milliseconds; and a little for its way. */
const longestWaitMs = 600

/** Attempts, lapses and postponements are counted apart, and each for what it is. */
export const counting: readonly Property[] = [
  {
    name: 'attempts-are-failures',
    sentence:
      'No run is told of more attempts than its key has had failed runs: neither postponements, nor lapses, nor lost leases count as attempts.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'started' || happening.delivery === undefined) return
      const { key, message, attempt, run } = happening
      const failed = facts.runs.ofKey(key).filter((other) => other.run !== run && mayCount(facts, other)).length
      if (attempt > failed + 1) violate(`${message} is run as attempt ${attempt}, though runs of ${key} have failed ${failed} times`)
    },
  },
  {
    name: 'failures-are-attempts',
    sentence:
      'A failure that was told is not forgotten: until a dead letter of its key is set aside, the message comes again with more attempts.',
    open(facts, violate) {
      const told = new Map<string, { readonly attempt: number; readonly key: string }>()
      const lost = new Set<number>()
      /** Messages with several dead letters that were delivered again: each has a count of its own. */
      const several = new Set<string>()
      const { duplicate = 0, loseAck = 0, copyUnknown = 0 } = facts.plan.settings.broker
      // Where one message comes several times, each time has a count of its own.
      if (duplicate + loseAck + copyUnknown > 0) return () => undefined
      return (happening) => {
        if (happening.what === 'outcome' && happening.outcome.status === 'retried' && happening.delivery !== undefined) {
          const run = facts.runs.ofDelivery(happening.delivery)
          if (run && !lost.has(happening.delivery)) told.set(run.message, run)
        }
        // Of one that was taken away the copy is not published, and its process may hear of that later.
        if (happening.what === 'postponed' && happening.takenAway) lost.add(happening.delivery)
        if (happening.what === 'dead-letter' || happening.what === 'store-forgot') {
          const { key } = happening.what === 'dead-letter' ? happening.marks : { key: undefined }
          for (const [message, run] of told) if (key === undefined || run.key === key) told.delete(message)
        }
        if (happening.what === 'replayed') {
          for (const [index, message] of happening.messages.entries()) {
            told.delete(message)
            if (happening.messages.indexOf(message) < index) several.add(message)
          }
        }
        if (happening.what !== 'started' || happening.delivery === undefined) return
        const { message, attempt, key, atMs } = happening
        const before = several.has(message) ? undefined : told.get(message)
        const consumedAtMs = facts.records.consumedAt(recordOf(key))
        // Of a key that was consumed meanwhile, and whose window is over, nothing is remembered.
        if (!before || (consumedAtMs !== undefined && consumedAtMs < atMs)) return
        if (attempt <= before.attempt) violate(`${message} is run as attempt ${attempt} again, though attempt ${before.attempt} has failed`)
      }
    },
  },
  {
    name: 'lapses-have-a-cause',
    sentence:
      'A lease ends with its claim neither completed nor released only where its process died, stalled or could not reach the store, or its run was left alone.',
    open(facts, violate) {
      let seen = 0
      const heardAtMs = new Map<string, number>()
      const putOffAtMs = new Map<string, number>()
      return (happening) => {
        if (happening.what === 'store-threw') putOffAtMs.set(`${happening.worker} ${happening.record} ${happening.token}`, happening.atMs)
        if (happening.what === 'claim-heard') heardAtMs.set(`${happening.worker} ${happening.record} ${happening.token}`, happening.atMs)
        for (; seen < facts.lapses.length; seen += 1) {
          const lapse = facts.lapses[seen]
          if (!lapse) continue
          const { worker, token } = lapse.before
          const name = `${worker} ${recordOf(lapse.key)} ${token}`
          // Somebody else's transaction has come in between, and it cannot give its claim back before that ends.
          const putOff = (putOffAtMs.get(name) ?? Number.NEGATIVE_INFINITY) >= lapse.atMs - recoveryMs(facts)
          if (!putOff && !hasCause(facts, lapse, heardAtMs.get(name)))
            violate(
              `the lease of ${lapse.before.worker} on ${lapse.key} (token ${lapse.before.token}) ended, and nothing had happened to it`,
            )
        }
      }
    },
  },
  {
    name: 'a-lost-answer-locks-nobody-out',
    sentence: 'Whoever asks for a claim again, because the answer was lost, is not told that it is busy by itself.',
    open(facts, violate) {
      /** Deliveries that are being settled, and since when, for each process and key. */
      const inHand = new Map<string, Map<number, number>>()
      const lastEnds = new Map<string, number>()
      const placeOf = (worker: string, message: string): string => `${worker} ${recordOf(facts.keyOf(message))}`
      return (happening) => {
        if (happening.what === 'arrived') {
          const place = placeOf(happening.worker, happening.message)
          inHand.set(place, (inHand.get(place) ?? new Map<number, number>()).set(happening.delivery, happening.atMs))
        }
        if (happening.what === 'outcome' && happening.delivery !== undefined) {
          const place = placeOf(happening.worker, happening.message)
          inHand.get(place)?.delete(happening.delivery)
          lastEnds.set(place, happening.atMs)
        }
        if (happening.what !== 'store' || happening.step !== 'claim' || happening.status !== 'busy') return
        const { worker, record, atMs } = happening
        const held = facts.records.find(record)
        const [sinceMs, ...others] = inHand.get(`${worker} ${record}`)?.values() ?? []
        // The one delivery that there is claims twice, and has held its key from the first time on.
        if (sinceMs === undefined || others.length > 0 || facts.worker(worker)?.mode === 'once') return
        if (held?.state !== 'consuming' || held.worker !== worker || held.claimedAtMs < sinceMs || held.untilMs <= atMs) return
        // It asks again only when it has waited for the first answer.
        if (atMs - held.claimedAtMs < facts.plan.settings.leaseMs / 8) return
        // Another delivery may have given up on a call that waited for others to be answered, and left all the same.
        if ((lastEnds.get(`${worker} ${record}`) ?? Number.NEGATIVE_INFINITY) >= held.claimedAtMs - longestWaitMs) return
        if (facts.records.heldBy(record) !== undefined || wasUsed(facts, worker, held.token)) return
        // A request that was long on its way may be one that nobody waits for any more.
        if (facts.troubled(worker, sinceMs - facts.plan.settings.leaseMs * 4, atMs, ['stalled', 'cut', 'away', 'lost'])) return
        violate(`${worker} is told that ${record} is busy, by its own claim with token ${held.token}`)
      }
    },
  },
]

/** Whether it may be counted as an attempt, seen from outside. */
function mayCount(facts: Facts, { ended, effectAtMs, startedAtMs, token, leftAloneAtMs }: RunFact): boolean {
  if (ended?.how === 'fails' || ended?.how === 'asks' || ended?.how === 'too-long') return true
  // In an inbox a run that is too long is rolled back, and counted; and so is one whose commit is refused.
  const tooLong = (leftAloneAtMs ?? 0) - startedAtMs >= facts.plan.settings.maxRunMs * 0.99
  return token === undefined && (tooLong || (ended?.how === 'returned' && effectAtMs === undefined))
}

function hasCause(facts: Facts, { key, before, atMs }: LapseFact, heardMs: number | undefined): boolean {
  const { worker: name, token, claimedAtMs } = before
  const { maxRunMs, recordTimeoutMs, leaseMs } = facts.plan.settings
  const worker = facts.worker(name)
  if (!worker || worker.crashed || facts.forgotAtMs.length > 0) return true
  // A caller of `once` that hears of a claim which it has given up gives it back, however slow the store was before.
  const inTime = heardMs !== undefined && heardMs < before.untilMs - turnMs(facts)
  const forgotten = inTime && worker.stoppedAtMs === undefined && !wasUsed(facts, name, token)
  if (worker.mode === 'once' && forgotten && !facts.troubled(name, heardMs, heardMs + leaseMs, ['late', 'twice', 'lost'])) return false
  // It is so now, or was until a moment ago.
  if (facts.troubled(name, atMs - recoveryMs(facts), atMs)) return true
  const runs = facts.runs.ofKey(key).filter((run) => run.worker === name && run.token === token)
  if (runs.some((run) => run.leftAloneAtMs !== undefined || (run.ended?.atMs ?? atMs) - run.startedAtMs >= maxRunMs)) return true
  // While its transaction is open nothing is renewed; it may be rolled back after the lease is over, and found before it can be released.
  const inTransaction = facts.runs.ofKey(key).some((run) => {
    const endedAtMs = run.ended?.atMs ?? atMs
    const overstays = endedAtMs - before.keptAtMs >= leaseMs * 0.9 && endedAtMs >= atMs - recoveryMs(facts)
    return run.worker === name && run.token === undefined && run.startedAtMs >= claimedAtMs && overstays
  })
  if (inTransaction) return true
  // Its work is done, and was tried to be recorded for as long as it should be; or it stopped meanwhile, or gave a call of `once` up.
  const gaveUpAtMs = worker.stoppedAtMs ?? Math.max(claimedAtMs, ...runs.map((run) => run.ended?.atMs ?? 0)) + recordTimeoutMs
  const bounded =
    worker.stoppingAtMs !== undefined || runs.some(({ ended }) => ended?.how === 'returned') || (worker.mode === 'once' && runs.length > 0)
  if (bounded && facts.troubled(name, gaveUpAtMs - recordTimeoutMs - recoveryMs(facts), gaveUpAtMs)) return true
  // Nobody ever heard of it: the answer was lost, or an old call came again.
  return !wasUsed(facts, name, token) && facts.troubled(name, claimedAtMs - leaseMs * 4, claimedAtMs + recoveryMs(facts), ['slow', 'late'])
}

/** Whether its process did anything with a claim. */
function wasUsed(facts: Facts, worker: string, token: number): boolean {
  return facts.runs.all.some((run) => run.worker === worker && run.token === token)
}
