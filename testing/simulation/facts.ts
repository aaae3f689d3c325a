import { openRuns } from './facts/runs.js'
import { openTroubles } from './facts/troubles.js'
import { watch } from './facts/watching.js'
import { recordOf } from './workers/handler.js'
import { openRecords } from './records.js'
import type { Happening } from './chronicle.js'
import type { Plan, PlannedWorker } from './plan.js'
import type { Held, Records } from './records.js'
import type { Runs } from './facts/runs.js'
import type { Troubles } from './facts/troubles.js'
import type { Watching } from './facts/watching.js'

export { recordOf } from './workers/handler.js'
export type { RunFact } from './facts/runs.js'

/** A process, and how it came and went. */
export interface WorkerFact {
  readonly mode: PlannedWorker['mode']
  crashed: { readonly killedBy: string | undefined } | undefined
  stoppingAtMs: number | undefined
  stoppedAtMs: number | undefined
}

/** A lease that ended with its claim neither completed nor released, as it was found by the next claim. */
export interface LapseFact {
  readonly key: string
  readonly before: Held
  readonly atMs: number
  /** A claim in a transaction finds it, too, and counts nothing. */
  readonly counted: boolean
}

/** What is known of a history so far; kept once for all properties. */
export interface Facts {
  readonly plan: Plan
  readonly records: Records
  /** In which way the last step of the store was not what its contract asks for. */
  readonly wrong: string | undefined
  readonly runs: Runs
  readonly troubled: Troubles['troubled']
  worker(name: string): WorkerFact | undefined
  arrivedAtMs(delivery: number): number | undefined
  /** Messages that the broker has, or once was handed. */
  readonly sent: ReadonlySet<string>
  keyOf(message: string): string
  /** Messages that are among the dead letters, or were. */
  readonly deadLetters: ReadonlySet<string>
  readonly forgotAtMs: readonly number[]
  readonly lapses: readonly LapseFact[]
  see(happening: Happening): void
}

export function openFacts(plan: Plan): Facts {
  const records = openRecords()
  const runs = openRuns(records)
  const troubles = openTroubles()
  const workers = new Map<string, WorkerFact>()
  const arrivals = new Map<number, number>()
  const sent = new Set<string>()
  const deadLetters = new Set<string>()
  const forgotAtMs: number[] = []
  const lapses: LapseFact[] = []
  const keysOfMessages = new Map(plan.messages.map(({ id, key }) => [id, key]))
  const keysOfRecords = new Map(plan.messages.map(({ key }) => [recordOf(key), key]))
  let wrong: string | undefined

  const watching: Watching = {
    sent: ({ message }) => void sent.add(message),
    began: ({ worker, mode }) => void workers.set(worker, { mode, crashed: undefined, stoppingAtMs: undefined, stoppedAtMs: undefined }),
    crashed({ worker: name, killedBy }) {
      const worker = workers.get(name)
      if (worker) worker.crashed = { killedBy }
    },
    stopping({ worker: name, atMs }) {
      const worker = workers.get(name)
      if (worker) worker.stoppingAtMs = atMs
    },
    stopped({ worker: name, atMs }) {
      const worker = workers.get(name)
      if (worker) worker.stoppedAtMs = atMs
    },
    arrived: ({ delivery, atMs }) => void arrivals.set(delivery, atMs),
    'dead-letter'({ message, takenAway }) {
      if (!takenAway) deadLetters.add(message)
    },
    'store-forgot': ({ atMs }) => void forgotAtMs.push(atMs),
    store(happening) {
      if ((happening.step !== 'claim' && happening.step !== 'claim-in') || happening.status !== 'claimed') return
      const { record, atMs } = happening
      const before = records.find(record)
      const counted = happening.step === 'claim'
      const own = counted ? before?.nonce === happening.nonce : before?.token === happening.token
      const key = keysOfRecords.get(record)
      if (key !== undefined && before?.state === 'consuming' && !own && before.overMs > atMs) lapses.push({ key, before, atMs, counted })
    },
  }

  return {
    plan,
    records,
    get wrong() {
      return wrong
    },
    runs,
    troubled: troubles.troubled,
    worker: (name) => workers.get(name),
    arrivedAtMs: (delivery) => arrivals.get(delivery),
    sent,
    keyOf: (message) => keysOfMessages.get(message) ?? '',
    deadLetters,
    forgotAtMs,
    lapses,
    see(happening) {
      troubles.see(happening)
      watch(watching, happening)
      runs.see(happening)
      // Last: what a claim has found is known only until its record is written again.
      wrong = records.see(happening)
    },
  }
}
