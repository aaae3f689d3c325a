import { recordOf } from '../facts.js'
import { recoveryMs, seconds, slackMs, watching } from './property.js'
import type { Facts, RunFact } from '../facts.js'
import type { Property } from './property.js'

/** When a handler may have its effect, and what becomes of work that is done. */
export const effects: readonly Property[] = [
  {
    name: 'no-effect-after-the-lease',
    sentence:
      'A handler that asks its signal right before its effect has none once its lease is over, and one that waits with its signal ends by then.',
    open(facts, violate) {
      const keptAtMs = new Map<string, number>()
      const goesOn = ({ worker, key, message, token }: RunFact, atMs: number): void => {
        const keptMs = keptAtMs.get(`${recordOf(key)} ${token}`)
        const { leaseMs } = facts.plan.settings
        if (keptMs === undefined || atMs <= keptMs + leaseMs * 1.002 + slackMs) return
        violate(`${worker} goes on with ${message} until ${seconds(atMs - keptMs - leaseMs)} after its lease was over`)
      }
      return watching({
        store(step) {
          const kept = (step.step === 'claim' && step.status === 'claimed') || (step.step === 'renew' && step.answer)
          if (kept) keptAtMs.set(`${step.record} ${step.token}`, step.atMs)
        },
        effect({ run: id, atMs }) {
          const run = facts.runs.find(id)
          if (run?.token && heeds(facts, run) !== 'nothing') goesOn(run, atMs)
        },
        threw({ run: id, why, atMs }) {
          const run = facts.runs.find(id)
          if (!run?.token || why !== 'aborted' || heeds(facts, run) !== 'aborts') return
          // A process that is stopped hears of nothing.
          const stalled = facts.troubled(run.worker, run.startedAtMs, atMs, ['cut', 'away', 'slow', 'late', 'twice', 'lost'])
          if (!stalled) goesOn(run, atMs)
        },
      })
    },
  },
  {
    name: 'a-refusal-is-heard',
    sentence: 'A handler that asks its signal right before its effect has none after a renewal was refused.',
    open(facts, violate) {
      const refusedAtMs = new Map<string, number>()
      return watching({
        store(step) {
          if (step.step !== 'renew' || step.answer) return
          const name = `${step.worker} ${step.record} ${step.token}`
          if (!refusedAtMs.has(name)) refusedAtMs.set(name, step.atMs)
        },
        effect({ run: id, atMs }) {
          const run = facts.runs.find(id)
          if (!run?.token || heeds(facts, run) === 'nothing') return
          const refusedMs = refusedAtMs.get(`${run.worker} ${recordOf(run.key)} ${run.token}`)
          if (refusedMs === undefined || atMs <= refusedMs + facts.plan.settings.transitMs + slackMs) return
          if (!facts.troubled(run.worker, refusedMs - recoveryMs(facts), atMs))
            violate(`${run.worker} has the effect of ${run.message}, after its renewal was refused`)
        },
      })
    },
  },
  {
    name: 'recorded-only-when-done',
    sentence: 'A key is recorded as consumed only for a run that has returned.',
    open(facts, violate) {
      const keys = new Map(facts.plan.messages.map(({ key }) => [recordOf(key), key]))
      const claimed = new Map<number, { readonly key: string; readonly atMs: number }>()
      const returned = (key: string, isIt: (run: RunFact) => boolean): boolean =>
        facts.runs.ofKey(key).some((run) => run.ended?.how === 'returned' && isIt(run))
      return watching({
        store(step) {
          const { worker, record, atMs } = step
          const key = keys.get(record) ?? ''
          if (step.step === 'claim-in' && step.status === 'claimed') claimed.set(step.transaction, { key, atMs })
          if (step.step === 'complete' && step.answer && !returned(key, (run) => run.worker === worker && run.token === step.token))
            violate(`${worker} records ${key}, and no run of it has returned`)
          if (step.step !== 'commit') return
          const inside = claimed.get(step.transaction)
          const isInside = (run: RunFact): boolean =>
            run.worker === worker && run.token === undefined && run.startedAtMs >= (inside?.atMs ?? 0)
          if (inside && !returned(inside.key, isInside)) violate(`${worker} commits ${inside.key}, and no run of it has returned`)
        },
      })
    },
  },
  {
    name: 'one-completion',
    sentence: 'No two holders complete the same key within its window: of several claims one at most is completed.',
    open(facts, violate) {
      const completed = new Map<string, { readonly worker: string; readonly token: number; readonly untilMs: number }>()
      return watching({
        store(step) {
          if (step.step !== 'complete' || !step.answer || facts.forgotAtMs.length > 0) return
          const { worker, record, token, atMs, windowMs } = step
          const before = completed.get(record)
          if (before && before.token !== token && atMs < before.untilMs - slackMs)
            violate(`${worker} completes ${record} as token ${token}, which ${before.worker} has completed as token ${before.token}`)
          if (before?.token !== token) completed.set(record, { worker, token, untilMs: atMs + windowMs })
        },
      })
    },
  },
  {
    name: 'work-is-recorded',
    sentence: 'Work that was done is recorded, or refused because of a newer claim, however late it comes.',
    open: (facts, violate) =>
      watching({
        end() {
          if (facts.forgotAtMs.length > 0) return
          const { recordTimeoutMs } = facts.plan.settings
          for (const run of facts.runs.all) {
            if (!run.token || run.ended?.how !== 'returned' || run.recordedAtMs !== undefined || run.refused || run.putOff) continue
            const { atMs } = run.ended
            const untilMs = atMs + recordTimeoutMs + recoveryMs(facts)
            if (facts.worker(run.worker)?.crashed || facts.troubled(run.worker, atMs - recoveryMs(facts), untilMs)) continue
            violate(`${run.worker} has handled ${run.message}, and nobody recorded it`)
          }
        },
      }),
  },
]

function heeds(facts: Facts, { key }: RunFact): 'asks' | 'aborts' | 'nothing' {
  return facts.plan.behaviours[key]?.heeds ?? 'asks'
}
