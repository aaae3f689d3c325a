import { recordOf } from '../facts.js'
import { aloneFromLapses, recoveryMs } from './property.js'
import type { Facts, LapseFact } from '../facts.js'
import type { Property } from './property.js'

/** What is postponed or set aside, when, and why. */
export const settingAside: readonly Property[] = [
  {
    name: 'dead-letters-are-deserved',
    sentence:
      'What reaches the dead letters cannot be read, has asked for it, has used its attempts, or its lapses. Waiting for a busy key never leads there.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'dead-letter') return
      const wrong = undeserved(facts, happening.message, happening.reason)
      if (wrong !== undefined) violate(`${happening.message} is set aside (${happening.reason}), though ${wrong}`)
    },
  },
  {
    name: 'neighbours-are-spared',
    sentence: 'A message that kills its process takes none of its neighbours with it to the dead letters.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'dead-letter' || !happening.reason.startsWith('its lease ended')) return
      const key = happening.marks.key ?? ''
      const { messages, settings } = facts.plan
      // Callers of `once` know no turns.
      if (settings.maxLapses <= aloneFromLapses || messages.some((message) => message.via === 'once')) return
      const byOthers = facts.lapses.filter((lapse) => lapse.key === key && lapse.counted && isKilledByAnother(facts, lapse))
      if (byOthers.length > aloneFromLapses)
        violate(`${happening.message} is set aside for ${byOthers.length} lapses that messages of other keys have caused`)
    },
  },
  {
    name: 'suspects-run-apart',
    sentence: 'In one process no two suspects run at the same time, and from three lapses on a key runs alone.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'started' || happening.delivery === undefined) return
      const run = facts.runs.find(happening.run)
      if (!run) return
      for (const other of facts.runs.all) {
        // Who runs unclaimed, as the store is away, knows of no lapses.
        const isOver = run.token === 0 || other.token === 0 || other.ended !== undefined || other.leftAloneAtMs !== undefined
        if (other === run || other.worker !== run.worker || other.delivery === undefined || isOver) continue
        const apart = run.lapses >= aloneFromLapses || other.lapses >= aloneFromLapses || (run.lapses > 0 && other.lapses > 0)
        if (apart)
          violate(`${run.worker} starts ${run.message} (${run.lapses} lapses) while it runs ${other.message} (${other.lapses} lapses)`)
      }
    },
  },
  {
    name: 'recorded-before-settled',
    sentence: 'Before a copy is published the claim is given back; and a message is set aside only while its key is held.',
    open: (facts, violate) => (happening) => {
      if ((happening.what !== 'postponed' && happening.what !== 'dead-letter') || happening.takenAway) return
      if (facts.forgotAtMs.length > 0) return
      const { atMs, worker, message, delivery } = happening
      const run = facts.runs.ofDelivery(delivery)
      const key = facts.keyOf(message)
      const held = facts.records.find(recordOf(key))
      if (happening.what === 'postponed') {
        const { maxRunMs, leaseMs } = facts.plan.settings
        const leftAlone = run && (run.leftAloneAtMs !== undefined || atMs - run.startedAtMs >= maxRunMs + leaseMs)
        const isHeld = held?.state === 'consuming' && held.token === run?.token
        if (isHeld && !leftAlone) violate(`${worker} postpones ${message} before it gives ${key} back`)
        return
      }
      // What has no key is held by nobody; and neither in an inbox, nor where the store was away, is anything surely held by lease.
      if (happening.marks.key === undefined || run?.token === 0 || facts.worker(worker)?.mode === 'inbox') return
      if (held?.state === 'consuming' && held.worker === worker) return
      if (!facts.troubled(worker, atMs - recoveryMs(facts), atMs)) violate(`${worker} sets ${message} aside without holding ${key}`)
    },
  },
]

function isKilledByAnother(facts: Facts, { key, before }: LapseFact): boolean {
  const killedBy = facts.worker(before.worker)?.crashed?.killedBy
  // A run that was left alone would have lapsed anyway.
  const leftAlone = facts.runs.ofKey(key).some((run) => run.token === before.token && run.leftAloneAtMs !== undefined)
  return killedBy !== undefined && killedBy !== key && !leftAlone
}

function undeserved(facts: Facts, message: string, reason: string): string | undefined {
  const key = facts.keyOf(message)
  const behaviour = facts.plan.behaviours[key]
  const { maxAttempts, maxLapses } = facts.plan.settings
  if (reason.startsWith('could not be read')) {
    return behaviour?.how === 'unreadable' || behaviour?.how === 'keyless' ? undefined : 'it can be read, and has a key'
  }
  const runs = facts.runs.ofKey(key)
  if (reason.endsWith('asks to be set aside')) return behaviour?.how === 'asks' ? undefined : 'it never asked for that'
  if (reason.startsWith('failed ')) {
    const failed = runs.filter(({ ended, token }) => token === undefined || ended?.how === 'fails' || ended?.how === 'too-long').length
    return failed >= maxAttempts ? undefined : `runs of ${key} have failed ${failed} times of ${maxAttempts}`
  }
  if (reason.startsWith('its lease ended')) {
    const lapsed = facts.lapses.filter((lapse) => lapse.key === key && lapse.counted).length
    return lapsed >= maxLapses || facts.forgotAtMs.length > 0 ? undefined : `${key} has lapsed ${lapsed} times of ${maxLapses}`
  }
  return 'this is no reason'
}
