import { StoreFullError, TransactionConflictError, refuseUnless, systemClock } from '../../src/index.js'
import type { ClaimResult, Clock, TransactionalStore } from '../../src/index.js'

export { memoryOutbox } from './memory/outbox.js'
export type { EffectsAtCommit, MemoryOutboxOptions } from './memory/outbox.js'

export interface MemoryStoreOptions {
  /** Tells the time. @default systemClock */
  readonly clock?: Clock | undefined
  /**
   * How many records may be kept, at least 1. Nothing that is still needed is ever dropped: beyond this a new key is refused with a
   * `StoreFullError`, and its delivery held, until records are over. @default 1_000_000
   */
  readonly maxRecords?: number | undefined
}

/** Effects that take place together with the records of their transaction, or not at all. */
export interface MemoryTransaction {
  /** Has `effect` called at the commit. It must not throw and cannot wait. Throws when the transaction is over. */
  apply(effect: () => void): void
}

/** What a memory store knows of a record, for tests and demonstrations. */
export interface MemoryRecord {
  readonly record: string
  readonly state: 'consuming' | 'consumed' | 'released'
  readonly token: number
  readonly attempts: number
  readonly lapses: number
}

/** A store that lives and dies with this process. */
export interface MemoryStore extends TransactionalStore<MemoryTransaction> {
  /** How many records are kept, those that are over and have not left yet included. */
  readonly size: number
  /** The records that are not over, in no order that means anything. */
  records(): readonly MemoryRecord[]
  /**
   * Keeps what the store holds now. What it returns puts that back and forgets all that came since, as a failover to a replica that lagged; tokens go
   * on growing, and transactions that are open stay so. For tests and simulations.
   */
  save(): () => void
}

interface Entry extends Omit<MemoryRecord, 'record'> {
  /** When the lease or the rest ends; a window ends with the record. */
  readonly untilMs: number
  readonly memoryMs: number
  readonly nonce: string
  /** When the record is over. */
  readonly overMs: number
}

interface OpenTransaction {
  readonly windows: Map<string, number>
  readonly effects: (() => void)[]
}

/** How many records each claim looks at to find those that are over: enough to drop them faster than they are made. */
const sweptAtOnce = 2

/**
 * Keeps claims in the memory of this process: for tests, demonstrations, and duplicates that reach only one process. A restart forgets
 * everything; another process knows nothing of it.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  refuseUnless.options(options, '{ maxRecords }')
  const { clock = systemClock, maxRecords = 1_000_000 } = options
  refuseUnless.wholeNumber('maxRecords', maxRecords, { least: 1, good: 1_000_000 })
  refuseUnless.clock('clock', clock)

  const entries = new Map<string, Entry>()
  const open = new Map<MemoryTransaction, OpenTransaction>()
  const heldBy = new Map<string, MemoryTransaction>()
  // Seeded from the time, so that tokens grow over a restart, too.
  let lastToken = Math.floor(clock.epochMs() * 1000)
  // One iterator is kept: a new one begins at the holes that earlier deletions have left, and walks them all.
  let sweep = entries.entries()
  let noneOverBeforeMs = 0

  const look = (record: string): Entry | undefined => {
    const entry = entries.get(record)
    return entry && entry.overMs > clock.now() ? entry : undefined
  }
  const put = (record: string, entry: Entry): void => {
    noneOverBeforeMs = Math.min(noneOverBeforeMs, entry.overMs)
    entries.set(record, entry)
  }
  const putConsumed = (record: string, token: number, windowMs: number): void => {
    const overMs = clock.now() + windowMs
    put(record, { state: 'consumed', token, attempts: 0, lapses: 0, untilMs: overMs, memoryMs: 0, nonce: '', overMs })
  }
  /** Drops what is over among the next `count` records, and stops at the first one dropped if `once`. */
  const dropOver = (count: number, once: boolean): boolean => {
    const nowMs = clock.now()
    for (let looked = 0; looked < count; looked += 1) {
      const next = sweep.next()
      if (next.done) {
        sweep = entries.entries()
        continue
      }
      const [record, { overMs }] = next.value
      if (overMs > nowMs) continue
      entries.delete(record)
      if (once) return true
    }
    return false
  }
  const makeRoom = (record: string): void => {
    dropOver(sweptAtOnce, false)
    // A transaction that is open will add its records; to count one twice that is kept already only refuses a little earlier.
    if (entries.has(record) || entries.size + heldBy.size < maxRecords) return
    const nowMs = clock.now()
    if (nowMs >= noneOverBeforeMs) {
      if (dropOver(entries.size + 2, true)) return
      noneOverBeforeMs = Infinity
      for (const { overMs } of entries.values()) noneOverBeforeMs = Math.min(noneOverBeforeMs, overMs)
    }
    throw new StoreFullError(`The memory store holds ${maxRecords} records that are all still needed; raise maxRecords or shorten windowMs`)
  }
  const refuseWhileHeld = (record: string): void => {
    if (heldBy.has(record)) throw new TransactionConflictError(`${record} is being consumed in a transaction that is still open; try again`)
  }

  return {
    check: () => Promise.resolve(),

    async claim(record, { nonce, leaseMs, memoryMs }): Promise<ClaimResult> {
      if (heldBy.has(record)) return { status: 'busy', retryInMs: leaseMs }
      const nowMs = clock.now()
      const before = look(record)
      if (before?.state === 'consumed') return { status: 'duplicate' }
      const again = before?.nonce === nonce
      const busy = before && (before.state === 'released' ? again || before.untilMs > nowMs : !again && before.untilMs > nowMs)
      if (busy) return { status: 'busy', retryInMs: Math.max(1, Math.ceil(before.untilMs - nowMs)) }
      makeRoom(record)
      const token = before && again ? before.token : (lastToken += 1)
      const attempts = before?.attempts ?? 0
      const lapses = (before?.lapses ?? 0) + (before?.state === 'consuming' && !again ? 1 : 0)
      const untilMs = nowMs + leaseMs
      put(record, { state: 'consuming', token, attempts, lapses, untilMs, memoryMs, nonce, overMs: untilMs + memoryMs })
      return { status: 'claimed', claim: { record, token, attempts, lapses } }
    },

    async renew({ record, token }, leaseMs) {
      refuseWhileHeld(record)
      const entry = look(record)
      if (entry?.state !== 'consuming' || entry.token !== token) return false
      const untilMs = clock.now() + leaseMs
      put(record, { ...entry, untilMs, overMs: untilMs + entry.memoryMs })
      return true
    },

    async complete({ record, token }, windowMs) {
      refuseWhileHeld(record)
      const entry = look(record)
      if (entry && entry.token > token) return false
      if (entry?.state !== 'consumed' || entry.token < token) putConsumed(record, token, windowMs)
      return true
    },

    async release({ record, token }, { attempts, lapses, restMs }) {
      refuseWhileHeld(record)
      const entry = look(record)
      if (entry?.state !== 'consuming' || entry.token !== token) return false
      const untilMs = clock.now() + restMs
      put(record, { ...entry, state: 'released', attempts, lapses, untilMs, overMs: untilMs + entry.memoryMs })
      return true
    },

    async transaction(run) {
      const windows = new Map<string, number>()
      const effects: (() => void)[] = []
      const tx: MemoryTransaction = {
        apply(effect) {
          if (!open.has(tx)) throw new Error('This transaction is over: what is applied now would have no effect')
          effects.push(effect)
        },
      }
      open.set(tx, { windows, effects })
      try {
        const value = await run(tx)
        for (const effect of effects) effect()
        for (const [record, windowMs] of windows) putConsumed(record, (lastToken += 1), windowMs)
        return value
      } finally {
        open.delete(tx)
        for (const record of windows.keys()) heldBy.delete(record)
      }
    },

    async claimIn(tx, record, { windowMs, claim }) {
      const transaction = open.get(tx)
      if (!transaction) throw new Error('This transaction is over: nothing can be claimed in it')
      const holder = heldBy.get(record)
      if (holder) return { status: holder === tx ? 'duplicate' : 'busy' }
      const entry = look(record)
      if (entry?.state === 'consumed') return { status: 'duplicate' }
      if (entry && claim && entry.token > claim.token) return { status: 'busy' }
      const own = entry?.state === 'consuming' && entry.token === claim?.token
      if (entry && entry.untilMs > clock.now() && !own) return { status: 'busy' }
      makeRoom(record)
      transaction.windows.set(record, windowMs)
      heldBy.set(record, tx)
      return { status: 'claimed' }
    },

    get size() {
      return entries.size
    },
    records() {
      return [...entries.keys()].flatMap((record) => {
        const entry = look(record)
        return entry ? [{ record, state: entry.state, token: entry.token, attempts: entry.attempts, lapses: entry.lapses }] : []
      })
    },
    save() {
      const kept = [...entries]
      return () => {
        entries.clear()
        noneOverBeforeMs = 0
        for (const [record, entry] of kept) entries.set(record, entry)
      }
    },
  }
}
