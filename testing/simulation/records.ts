import type { Happening, StoreStep } from './chronicle.js'

/** What a record must hold now, by the contract of stores and the answers so far. */
export interface Held {
  readonly state: 'consuming' | 'consumed' | 'released'
  readonly token: number
  readonly nonce: string
  /** Whose claim it is, or was. */
  readonly worker: string
  readonly claimedAtMs: number
  /** When the claim was made or renewed last. */
  readonly keptAtMs: number
  /** When the lease, the rest or the window ends. */
  readonly untilMs: number
  /** When the record is forgotten. */
  readonly overMs: number
  readonly memoryMs: number
  readonly attempts: number
  readonly lapses: number
}

/** What every record must hold, worked out a second time from the contract alone: the store under test is held against it. */
export interface Records {
  /** Takes in what happened. Answers in which way a step was not what the contract asks for. */
  see(happening: Happening): string | undefined
  find(record: string): Held | undefined
  /** Which open transaction holds the record, and the token of the claim by lease that it was handed. */
  heldBy(record: string): { readonly transaction: number; readonly token: number | undefined } | undefined
  /** When it was recorded as consumed last, whatever was forgotten since. */
  consumedAt(record: string): number | undefined
  all(): Iterable<readonly [string, Held]>
}

/** Judged by whole milliseconds, what ends and what begins at the same time may be seen in either order. */
const slackMs = 1

export function openRecords(): Records {
  const held = new Map<string, Held>()
  const transactions = new Map<string, { readonly transaction: number; readonly token: number | undefined; readonly windowMs: number }>()
  const consumed = new Map<string, number>()
  const highest = new Map<string, number>()
  /** Records of which nobody can say what the store still knows, since it forgot. */
  const unsure = new Set<string>()

  const near = (ms: number, nowMs: number): boolean => Math.abs(ms - nowMs) <= slackMs
  const look = (record: string, nowMs: number): Held | undefined => {
    const entry = held.get(record)
    return entry && entry.overMs > nowMs ? entry : undefined
  }

  const claim = (step: Extract<StoreStep, { step: 'claim' }>, worker: string, nowMs: number): string | undefined => {
    const { record, nonce, status, token, leaseMs, memoryMs } = step
    const before = look(record, nowMs)
    const again = before?.nonce === nonce
    const sure = !unsure.has(record) && !(before && (near(before.untilMs, nowMs) || near(before.overMs, nowMs)))
    const wanted = wantedOf(before, again, transactions.has(record), nowMs)
    let wrong: string | undefined
    if (status !== wanted && sure) wrong = `a claim on ${record} was answered ${status}, where it is ${wanted}`
    if (status !== 'claimed') return wrong

    const repeated = again && before.state === 'consuming'
    const attempts = before?.attempts ?? 0
    const lapses = (before?.lapses ?? 0) + (before?.state === 'consuming' && !repeated ? 1 : 0)
    if (repeated && before.token !== token) wrong ??= `the same claim on ${record} came back with token ${token} instead of ${before.token}`
    // What the store fell back to may be a claim that it had given before.
    if (!repeated && !unsure.has(record) && token <= (highest.get(record) ?? 0))
      wrong ??= `token ${token} of ${record} is not greater than ${highest.get(record)}`
    if (sure && (step.attempts !== attempts || step.lapses !== lapses)) {
      wrong ??= `a claim on ${record} carries ${step.attempts} attempts and ${step.lapses} lapses instead of ${attempts} and ${lapses}`
    }
    unsure.delete(record)
    highest.set(record, Math.max(token, highest.get(record) ?? 0))
    held.set(record, {
      state: 'consuming',
      token,
      nonce,
      memoryMs,
      attempts: step.attempts,
      lapses: step.lapses,
      worker: repeated ? before.worker : worker,
      claimedAtMs: repeated ? before.claimedAtMs : nowMs,
      keptAtMs: nowMs,
      untilMs: nowMs + leaseMs,
      overMs: nowMs + leaseMs + memoryMs,
    })
    return wrong
  }

  const putConsumed = (record: string, token: number, worker: string, windowMs: number, nowMs: number): void => {
    consumed.set(record, nowMs)
    highest.set(record, Math.max(token, highest.get(record) ?? 0))
    held.set(record, {
      state: 'consumed',
      token,
      nonce: '',
      worker,
      memoryMs: 0,
      attempts: 0,
      lapses: 0,
      claimedAtMs: nowMs,
      keptAtMs: nowMs,
      untilMs: nowMs + windowMs,
      overMs: nowMs + windowMs,
    })
  }

  const fenced = (step: Extract<StoreStep, { answer: boolean }>, worker: string, nowMs: number): string | undefined => {
    const { record, token } = step
    const before = look(record, nowMs)
    const owns = before?.state === 'consuming' && before.token === token
    const wanted = step.step === 'complete' ? !before || before.token <= token : owns
    const sure = !unsure.has(record) && !(before && near(before.overMs, nowMs))
    const wrong =
      sure && step.answer !== wanted
        ? `${step.step} of ${record} with token ${token} was answered ${step.answer}, where the record is ${before ? `${before.state} with token ${before.token}` : 'gone'}`
        : undefined
    if (!step.answer) return wrong
    if (step.step === 'complete') {
      if (before?.state !== 'consumed' || before.token !== token) putConsumed(record, token, worker, step.windowMs, nowMs)
    } else if (before) {
      const forMs = step.step === 'renew' ? step.leaseMs : step.restMs
      const counts = step.step === 'release' ? { attempts: step.attempts, lapses: step.lapses } : {}
      const state = step.step === 'renew' ? 'consuming' : 'released'
      held.set(record, { ...before, state, ...counts, keptAtMs: nowMs, untilMs: nowMs + forMs, overMs: nowMs + forMs + before.memoryMs })
    }
    return wrong
  }

  const claimIn = (step: Extract<StoreStep, { step: 'claim-in' }>, nowMs: number): string | undefined => {
    const { record, transaction, token, status } = step
    const before = look(record, nowMs)
    const holder = transactions.get(record)
    const superseded = before && token !== undefined && before.token > token
    const own = before?.state === 'consuming' && before.token === token
    const busy = superseded || (before && before.state !== 'consumed' && before.untilMs > nowMs && !own)
    const wanted = holder
      ? holder.transaction === transaction
        ? 'duplicate'
        : 'busy'
      : before?.state === 'consumed'
        ? 'duplicate'
        : busy
          ? 'busy'
          : 'claimed'
    const sure = !unsure.has(record) && !(before && near(before.untilMs, nowMs))
    if (status === 'claimed') transactions.set(record, { transaction, token, windowMs: step.windowMs })
    return sure && status !== wanted ? `a claim on ${record} in a transaction was answered ${status}, where it is ${wanted}` : undefined
  }

  const end = (transaction: number, commits: boolean, worker: string, nowMs: number): void => {
    for (const [record, holder] of transactions) {
      if (holder.transaction !== transaction) continue
      transactions.delete(record)
      // Which token a transaction gets is not told; it is greater than those before.
      if (commits) putConsumed(record, (highest.get(record) ?? 0) + 0.5, worker, holder.windowMs, nowMs)
    }
  }

  return {
    see(happening) {
      const { atMs } = happening
      if (happening.what === 'store-forgot') {
        for (const record of held.keys()) unsure.add(record)
        held.clear()
        return undefined
      }
      if (happening.what !== 'store') return undefined
      const { worker } = happening
      switch (happening.step) {
        case 'claim':
          return claim(happening, worker, atMs)
        case 'renew':
        case 'complete':
        case 'release':
          return fenced(happening, worker, atMs)
        case 'claim-in':
          return claimIn(happening, atMs)
        case 'commit':
        case 'rollback':
          return end(happening.transaction, happening.step === 'commit', worker, atMs) ?? undefined
      }
    },
    find: (record) => held.get(record),
    heldBy: (record) => transactions.get(record),
    consumedAt: (record) => consumed.get(record),
    all: () => held,
  }
}

function wantedOf(before: Held | undefined, again: boolean, inTransaction: boolean, nowMs: number): 'claimed' | 'busy' | 'duplicate' {
  if (inTransaction) return 'busy'
  if (!before) return 'claimed'
  if (before.state === 'consumed') return 'duplicate'
  if (before.state === 'released') return again || before.untilMs > nowMs ? 'busy' : 'claimed'
  return again || before.untilMs <= nowMs ? 'claimed' : 'busy'
}
