import { duration, keyName, longestKey, seconds } from './words.js'
import type { Happening, StoreStep } from '../chronicle.js'
import type { Plan } from '../plan.js'

/** What one who tells a story knows at a moment of it: what happened until then, and of the rest only how it ended for each delivery. */
export interface Knowledge {
  readonly plan: Plan
  /** The key of a record, to show. */
  keyOf(record: string): string
  /** The key that something is about, as it is; undefined where it is about none. */
  about(happening: Happening): string | undefined
  /** A text with keys in the place of their records, with short keys and short tokens. */
  readable(text: string): string
  /** A message and its key, to show. */
  messageOf(message: string): string
  /** Tokens are large; here each is the nth of its record. */
  token(record: string, token: number): string
  /** What is recorded, as far as it was seen. */
  recorded(record: string): Recorded | undefined
  /** The transaction that has claimed this record and is open. */
  openTransaction(record: string): { readonly transaction: number; readonly worker: string } | undefined
  recordOf(transaction: number): string | undefined
  /** What befell a worker or its way to the store, and lasted until some moment or longer: the worst of it. */
  fate(worker: string, sinceMs: number): string | undefined
  /** The keys that it has claimed, and neither completed nor given back. */
  holds(worker: string): readonly string[]
  messageOfRun(run: number): string
  effects(key: string): readonly Effect[]
  /** How a run of a handler has ended; undefined while it goes on. */
  endOfRun(run: number): string | undefined
  arrivals(message: string): number
  /** Also what is told of it only later. */
  outcomeOf(delivery: number): string | undefined
  settled(delivery: number): boolean
  /** Whether everything is settled, and all that follows is the stop. */
  readonly over: boolean
  learn(happening: Happening): void
}

export interface Recorded {
  readonly state: 'consuming' | 'consumed' | 'released'
  readonly worker: string
  readonly token: number
  readonly atMs: number
  readonly lapses: number
}

export interface Effect {
  readonly worker: string
  readonly run: number
  readonly atMs: number
}

interface Fate {
  /** Undefined: everybody. */
  readonly worker: string | undefined
  readonly untilMs: number
  readonly weight: number
  readonly how: string
}

type Of<What> = Extract<Happening, { what: What }>
type Learners = { readonly [What in Happening['what']]?: (happening: Of<What>) => void }
type StepLearners = { readonly [Step in StoreStep['step']]?: (step: Extract<Of<'store'>, { step: Step }>) => void }

export function openKnowledge(plan: Plan, happenings: readonly Happening[], keys: ReadonlyMap<string, string>): Knowledge {
  const records = new Map<string, Recorded>()
  const transactions = new Map<number, { readonly record: string; readonly worker: string; open: boolean }>()
  const fates: Fate[] = []
  const runs = new Map<number, { readonly worker: string; readonly message: string; end: string | undefined }>()
  const effects = new Map<string, Effect[]>()
  const arrivals = new Map<string, number>()
  const settled = new Set<number>()
  let over = false
  const outcomes = outcomesOf(happenings)
  const tokens = tokensOf(happenings)
  // One record may be the beginning of another.
  const longestFirst = [...keys].toSorted(([one], [other]) => other.length - one.length)

  const keyOfMessage = (id: string): string | undefined => plan.messages.find((message) => message.id === id)?.key
  const messageOf = (id: string): string => {
    const key = keyOfMessage(id)
    return key === undefined ? id : `${id} (${keyName(key)})`
  }
  const endRun = (number: number, end: string): void => {
    const run = runs.get(number)
    if (run) run.end ??= end
  }
  const endTransaction = ({ transaction }: { readonly transaction: number }): void => {
    const known = transactions.get(transaction)
    if (known) known.open = false
  }
  const note = (weight: number, how: string, { atMs, worker }: { readonly atMs: number; readonly worker?: string }, forMs: number): void =>
    void fates.push({ worker, untilMs: atMs + forMs, weight, how: `${how} at ${seconds(atMs)}` })

  const steps: StepLearners = {
    claim({ record, worker, status, token, atMs, lapses }) {
      if (status === 'claimed') records.set(record, { state: 'consuming', worker, token, atMs, lapses })
    },
    complete({ record, worker, token, answer, atMs }) {
      if (answer) records.set(record, { state: 'consumed', worker, token, atMs, lapses: 0 })
    },
    release({ record, worker, token, answer, atMs, lapses }) {
      if (answer) records.set(record, { state: 'released', worker, token, atMs, lapses })
    },
    'claim-in'({ record, worker, transaction, status }) {
      if (status === 'claimed') transactions.set(transaction, { record, worker, open: true })
    },
    commit(step) {
      endTransaction(step)
      const { transaction, worker, atMs } = step
      const record = transactions.get(transaction)?.record
      if (record !== undefined) records.set(record, { state: 'consumed', worker, token: 0, atMs, lapses: 0 })
    },
    rollback: endTransaction,
  }
  const learners: Learners = {
    store: (step) => (steps[step.step] as ((step: Of<'store'>) => void) | undefined)?.(step),
    crashed(happening) {
      note(9, 'died', happening, Number.POSITIVE_INFINITY)
      for (const [number, { worker }] of runs) if (worker === happening.worker) endRun(number, 'died')
    },
    stalled: (happening) => note(7, `stalled for ${duration(happening.forMs)}`, happening, happening.forMs),
    cut(happening) {
      if (happening.from === 'store') note(6, `was cut off from the store for ${duration(happening.forMs)}`, happening, happening.forMs)
    },
    'commits-fail': (happening) => note(6, `could not commit for ${duration(happening.forMs)}`, happening, happening.forMs),
    'store-away': (happening) => note(5, `found the store away for ${duration(happening.forMs)}`, happening, happening.forMs),
    trouble(happening) {
      if (happening.trouble.kind === 'abandoned') note(8, 'left its handler alone', happening, 0)
    },
    'store-slow': (happening) => note(4, `found the store slow for ${duration(happening.forMs)}`, happening, happening.forMs),
    // What it did to the claim itself shows up to a lease later.
    'call-fault': (happening) => note(3, `had trouble with its ${happening.step}`, happening, plan.settings.leaseMs),
    stopping: (happening) => note(2, 'was stopped', happening, Number.POSITIVE_INFINITY),
    arrived: ({ message }) => void arrivals.set(message, (arrivals.get(message) ?? 0) + 1),
    started: ({ run, worker, message }) => void runs.set(run, { worker, message, end: undefined }),
    effect({ key, worker, run, atMs }) {
      const before = effects.get(key)
      if (before) before.push({ worker, run, atMs })
      else effects.set(key, [{ worker, run, atMs }])
    },
    over: ({ left }) => void (over = left === 0),
    returned: ({ run }) => endRun(run, 'returned'),
    threw: ({ run }) => endRun(run, 'threw'),
    ack: ({ delivery }) => void settled.add(delivery),
    postponed: ({ delivery }) => void settled.add(delivery),
  }

  return {
    plan,
    keyOf: (record) => keyName(keys.get(record) ?? record),
    about(happening) {
      if ('key' in happening) return happening.key
      if ('message' in happening) return keyOfMessage(happening.message)
      if (happening.what === 'trouble') return happening.trouble.key
      if (!('record' in happening)) return undefined
      const { record } = happening
      return keys.get(record || ('transaction' in happening && transactions.get(happening.transaction)?.record) || '')
    },
    readable(text) {
      let readable = text
      for (const [record, key] of longestFirst) {
        readable = readable.replaceAll(record, keyName(key))
        if (key.length > longestKey) readable = readable.replaceAll(key, keyName(key))
      }
      for (const known of tokens.values())
        for (const [index, token] of known.entries())
          if (token >= longToken) readable = readable.replaceAll(String(token), String(index + 1))
      return readable
    },
    messageOf,
    token: (record, token) => `token ${(tokens.get(record)?.indexOf(token) ?? -1) + 1}`,
    recorded: (record) => records.get(record),
    openTransaction(record) {
      for (const [transaction, known] of transactions)
        if (known.open && known.record === record) return { transaction, worker: known.worker }
      return undefined
    },
    recordOf: (transaction) => transactions.get(transaction)?.record,
    fate(worker, sinceMs) {
      const possible = fates.filter((fate) => fate.untilMs >= sinceMs && (fate.worker ?? worker) === worker)
      return possible.toSorted((one, other) => other.weight - one.weight || other.untilMs - one.untilMs)[0]?.how
    },
    holds(worker) {
      const claimed = [...records].filter(([, known]) => known.state === 'consuming' && known.worker === worker).map(([record]) => record)
      const inside = [...transactions.values()].filter((known) => known.open && known.worker === worker).map(({ record }) => record)
      return [...new Set([...claimed, ...inside])].map((record) => keys.get(record) ?? record)
    },
    messageOfRun: (run) => runs.get(run)?.message ?? `run ${run}`,
    effects: (key) => effects.get(key) ?? [],
    endOfRun: (run) => runs.get(run)?.end,
    arrivals: (message) => arrivals.get(message) ?? 0,
    outcomeOf: (delivery) => outcomes.get(delivery),
    settled: (delivery) => settled.has(delivery),
    get over() {
      return over
    },
    // The compiler cannot see that a happening and who learns from it belong together.
    learn: (happening) => (learners[happening.what] as ((happening: Happening) => void) | undefined)?.(happening),
  }
}

/** A number that can be nothing but a token. */
const longToken = 1_000_000_000_000

function outcomesOf(happenings: readonly Happening[]): ReadonlyMap<number, string> {
  const told = happenings.flatMap((happening): [number, string][] =>
    happening.what === 'outcome' && happening.delivery !== undefined ? [[happening.delivery, happening.outcome.status]] : [],
  )
  return new Map(told)
}

/** All tokens of each record, in the order in which they grow. */
function tokensOf(happenings: readonly Happening[]): ReadonlyMap<string, readonly number[]> {
  const tokens = new Map<string, Set<number>>()
  for (const happening of happenings) {
    if (happening.what !== 'store' || !('token' in happening) || !happening.token) continue
    const known = tokens.get(happening.record)
    if (known) known.add(happening.token)
    else tokens.set(happening.record, new Set([happening.token]))
  }
  return new Map([...tokens].map(([record, known]) => [record, [...known].toSorted((one, other) => one - other)]))
}
