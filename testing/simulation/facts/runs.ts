import { recordOf } from '../workers/handler.js'
import { watch } from './watching.js'
import type { Happening } from '../chronicle.js'
import type { Records } from '../records.js'
import type { Watching } from './watching.js'

/** One run of the handler. */
export interface RunFact {
  readonly run: number
  readonly worker: string
  readonly key: string
  readonly message: string
  readonly delivery: number | undefined
  readonly attempt: number
  /** Of its lease; 0 where it ran unclaimed, undefined in an inbox. */
  readonly token: number | undefined
  readonly startedAtMs: number
  /** The lapses of its key when it began, as its process knows them: an inbox run that was not claimed by lease before knows none. */
  readonly lapses: number
  effectAtMs: number | undefined
  /** When its work was recorded. */
  recordedAtMs: number | undefined
  /** Whether `complete` was refused, as a newer claim exists. */
  refused: boolean
  /** Whether `complete` was put off, as somebody else's transaction held the key. */
  putOff: boolean
  ended: { readonly how: 'returned' | 'fails' | 'asks' | 'aborted' | 'too-long'; readonly atMs: number } | undefined
  /** Nobody waits for it any more, though it may go on. */
  leftAloneAtMs: number | undefined
}

/** All runs, and what became of each. */
export interface Runs {
  readonly all: readonly RunFact[]
  find(run: number): RunFact | undefined
  ofKey(key: string): readonly RunFact[]
  /** The last run for this delivery. */
  ofDelivery(delivery: number): RunFact | undefined
  see(happening: Happening): void
}

export function openRuns(records: Records): Runs {
  const all: RunFact[] = []
  const byKey = new Map<string, RunFact[]>()
  const byRecord = new Map<string, RunFact[]>()
  const byDelivery = new Map<number, RunFact>()
  const find = (run: number): RunFact | undefined => all[run - 1]
  const underClaim = (record: string, worker: string, token: number | undefined): readonly RunFact[] =>
    (byRecord.get(record) ?? []).filter((run) => run.worker === worker && run.token === token)

  const watching: Watching = {
    started({ run, worker, key, message, delivery, attempt, token, atMs }) {
      const record = recordOf(key)
      const claimed = (token ?? 0) > 0 || records.heldBy(record)?.token !== undefined
      const fact: RunFact = {
        run,
        worker,
        key,
        message,
        delivery,
        attempt,
        token,
        startedAtMs: atMs,
        lapses: claimed ? (records.find(record)?.lapses ?? 0) : 0,
        effectAtMs: undefined,
        recordedAtMs: undefined,
        refused: false,
        putOff: false,
        ended: undefined,
        leftAloneAtMs: undefined,
      }
      all.push(fact)
      const others = byKey.get(key) ?? []
      others.push(fact)
      byKey.set(key, others)
      byRecord.set(record, others)
      if (delivery !== undefined) byDelivery.set(delivery, fact)
    },
    effect({ run: id, atMs }) {
      const run = find(id)
      if (!run) return
      run.effectAtMs = atMs
      // In an inbox, effect and record are one.
      if (run.token === undefined) run.recordedAtMs = atMs
    },
    returned({ run: id, atMs }) {
      const run = find(id)
      if (run) run.ended = { how: 'returned', atMs }
    },
    threw({ run: id, why, atMs }) {
      const run = find(id)
      if (run) run.ended = { how: why, atMs }
    },
    store(happening) {
      if (happening.step !== 'complete') return
      for (const run of underClaim(happening.record, happening.worker, happening.token)) {
        if (happening.answer) run.recordedAtMs ??= happening.atMs
        else run.refused = true
      }
    },
    'store-threw'({ step, record, worker, token }) {
      if (step === 'complete') for (const run of underClaim(record, worker, token)) run.putOff = true
    },
    outcome({ delivery, atMs }) {
      const run = delivery === undefined ? undefined : byDelivery.get(delivery)
      if (run && !run.ended) run.leftAloneAtMs ??= atMs
    },
    trouble({ trouble, worker, atMs }) {
      if (trouble.kind !== 'abandoned') return
      for (const run of byKey.get(trouble.key ?? '') ?? []) if (run.worker === worker && !run.ended) run.leftAloneAtMs ??= atMs
    },
  }

  return {
    all,
    find,
    ofKey: (key) => byKey.get(key) ?? [],
    ofDelivery: (delivery) => byDelivery.get(delivery),
    see: (happening) => watch(watching, happening),
  }
}
