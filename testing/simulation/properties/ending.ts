import { recoveryMs, slackMs } from './property.js'
import type { Property } from './property.js'

/** What is left when something ends. */
export const ending: readonly Property[] = [
  {
    name: 'a-stop-hands-back',
    sentence: 'A worker that has stopped holds no claims, unless it could not reach the store, or left the run of a handler alone.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'stopped') return
      const { worker: name, atMs } = happening
      const worker = facts.worker(name)
      // Callers of `once` stop by themselves.
      if (worker?.mode === 'once') return
      // A renewal that was asked for in time, and took effect a little later, lets the lease outlive the run by as much.
      const tooLongMs = facts.plan.settings.maxRunMs + facts.plan.settings.leaseMs
      const since = worker?.stoppingAtMs ?? atMs
      if (facts.troubled(name, since - recoveryMs(facts), atMs)) return
      for (const [record, held] of facts.records.all()) {
        if (held.worker !== name || held.state !== 'consuming' || held.untilMs <= atMs) continue
        const runs = facts.runs.all.filter((run) => run.worker === name && run.token === held.token)
        const leftAlone = runs.some(
          ({ leftAloneAtMs, startedAtMs }) =>
            leftAloneAtMs !== undefined && (leftAloneAtMs < since || leftAloneAtMs - startedAtMs >= tooLongMs - slackMs),
        )
        // A claim that nobody ever heard of is nobody's to give back.
        const heard = runs.length > 0 || !facts.troubled(name, held.claimedAtMs - facts.plan.settings.leaseMs * 4, atMs)
        if (heard && !leftAlone) violate(`${name} has stopped, and still holds ${record} with token ${held.token}`)
      }
    },
  },
  {
    name: 'nothing-left-over',
    sentence: 'When all have stopped, no timer and no promise is left, and the store keeps no more records than there are keys.',
    open: (facts, violate) => (happening) => {
      if (happening.what !== 'end') return
      const keys = new Set(facts.plan.messages.map(({ key }) => key)).size
      if (happening.timers > 0) violate(`${happening.timers} timers are left over`)
      if (happening.calls > 0) violate(`${happening.calls} deliveries are still being settled`)
      if (happening.records !== undefined && happening.records > keys)
        violate(`the store keeps ${happening.records} records for ${keys} keys`)
    },
  },
]
