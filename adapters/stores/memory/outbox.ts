import { laneCount, openOutbox, refuseUnless, systemClock } from '../../../src/index.js'
import type { Clock, Outbox, OutboxTable, Random, SetAsideEntry, StoredEntry } from '../../../src/index.js'

/** The part of a `MemoryTransaction` that an outbox needs. */
export interface EffectsAtCommit {
  apply(effect: () => void): void
}

export interface MemoryOutboxOptions {
  /** Tells the time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Names messages that have no id. @default systemRandom */
  readonly random?: Random | undefined
}

/** An outbox that lives and dies with this process, beside the transactions of a `memoryStore`. */
export function memoryOutbox(options: MemoryOutboxOptions = {}): Outbox<EffectsAtCommit> {
  refuseUnless.options(options, '{ clock }')
  const { clock, random } = options
  if (clock !== undefined) refuseUnless.clock('clock', clock)
  return openOutbox(memoryOutboxTable({ clock }), { random })
}

interface Kept extends StoredEntry {
  readonly state: 'waiting' | 'failed' | 'set aside' | 'sent'
  /** When its rest is over, or it need not be kept any longer. */
  readonly untilMs: number
  readonly addedMs: number
  readonly reason: string
}

interface Lane {
  untilMs: number
  nonce: string
}

/** How many sent messages a sweep removes at once. */
const sweptAtOnce = 1_000

export function memoryOutboxTable({ clock = systemClock }: { readonly clock?: Clock | undefined } = {}): OutboxTable<EffectsAtCommit> {
  const kept = new Map<number, Kept>()
  const lanes: readonly Lane[] = Array.from({ length: laneCount }, () => ({ untilMs: Number.NEGATIVE_INFINITY, nonce: '' }))
  const listeners = new Set<() => void>()
  let lastPosition = 0

  const isDue = ({ state, untilMs }: Kept): boolean => state === 'waiting' || (state === 'failed' && untilMs <= clock.now())
  const change = (position: number, states: readonly Kept['state'][], next: Partial<Kept>): boolean => {
    const entry = kept.get(position)
    if (!entry || !states.includes(entry.state)) return false
    kept.set(position, { ...entry, ...next })
    return true
  }
  const inOrder = (): Kept[] => [...kept.values()].toSorted((a, b) => a.position - b.position)

  return {
    check: () => Promise.resolve(),
    async add(tx, entries) {
      const copies = entries.map((entry) => ({ ...entry, body: entry.body.slice() }))
      // Positions are given when a message is added, as a database does: it may be there only after others that come later.
      const positions = copies.map(() => (lastPosition += 1))
      tx.apply(() => {
        for (const [index, entry] of copies.entries()) {
          const position = positions[index] ?? 0
          kept.set(position, { ...entry, position, failures: 0, state: 'waiting', untilMs: 0, addedMs: clock.now(), reason: '' })
        }
        for (const told of listeners) told()
      })
    },
    async takeLanes({ nonce, most, leaseMs }) {
      const nowMs = clock.now()
      const wanted = new Set([...kept.values()].filter(isDue).map(({ lane }) => lane))
      const taken = lanes.flatMap((lane, number) => (lane.nonce === nonce && lane.untilMs > nowMs ? [number] : []))
      const free = [...wanted].filter((number) => (lanes[number]?.untilMs ?? 0) <= nowMs)
      free.sort((a, b) => (lanes[a]?.untilMs ?? 0) - (lanes[b]?.untilMs ?? 0))
      taken.push(...free.slice(0, Math.max(0, most - taken.length)))
      for (const number of taken) Object.assign(lanes[number] ?? {}, { nonce, untilMs: nowMs + leaseMs })
      return taken
    },
    async keepLanes(nonce, numbers, leaseMs) {
      const still = numbers.filter((number) => lanes[number]?.nonce === nonce)
      for (const number of still) Object.assign(lanes[number] ?? {}, { untilMs: clock.now() + leaseMs })
      return still
    },
    async giveLanes(nonce, numbers, restMs) {
      for (const number of numbers) {
        const lane = lanes[number]
        if (lane?.nonce === nonce) Object.assign(lane, { nonce: '', untilMs: clock.now() + restMs })
      }
    },
    async read(numbers, most) {
      const blocked = new Set([...kept.values()].flatMap(({ state, key }) => (state === 'failed' && key !== undefined ? [key] : [])))
      const found = new Map<number, Kept[]>(numbers.map((number) => [number, []]))
      for (const entry of inOrder()) {
        const lane = found.get(entry.lane)
        if (!lane || lane.length >= most || !isDue(entry)) continue
        if (entry.state === 'waiting' && entry.key !== undefined && blocked.has(entry.key)) continue
        lane.push(entry)
      }
      return [...found.values()]
        .flat()
        .map(({ position, lane, key, head, body, failures }) => ({ position, lane, key, head, body, failures }))
    },
    async sent(positions, keepMs) {
      for (const position of positions) {
        if (keepMs > 0) change(position, ['waiting', 'failed'], { state: 'sent', untilMs: clock.now() + keepMs })
        else kept.delete(position)
      }
    },
    async failed(position, { failures, restMs, reason }) {
      change(position, ['waiting', 'failed'], { state: 'failed', failures, reason, untilMs: clock.now() + restMs })
    },
    setAside: async (position, { failures, reason }) => change(position, ['waiting', 'failed'], { state: 'set aside', failures, reason }),
    listSetAside: async (most) =>
      inOrder()
        .filter(({ state }) => state === 'set aside')
        .slice(0, most)
        .map(({ position, key, head, body, failures, reason }): SetAsideEntry => ({ position, key, head, body, failures, reason })),
    sendAgain: async (moves) =>
      moves.filter(({ position, lane }) =>
        change(position, ['set aside'], { state: 'failed', failures: 0, lane: lane % laneCount, untilMs: 0 }),
      ).length,
    async depth() {
      const waiting = [...kept.values()].filter(({ state }) => state === 'waiting' || state === 'failed')
      return {
        waiting: waiting.length,
        failing: waiting.filter(({ state }) => state === 'failed').length,
        setAside: [...kept.values()].filter(({ state }) => state === 'set aside').length,
        oldestMs: waiting.reduce((oldest, { addedMs }) => Math.max(oldest, clock.now() - addedMs), 0),
      }
    },
    async sweep() {
      const over = inOrder().filter(({ state, untilMs }) => state === 'sent' && untilMs <= clock.now())
      for (const { position } of over.slice(0, sweptAtOnce)) kept.delete(position)
      return over.length >= sweptAtOnce
    },
    async listen(told) {
      listeners.add(told)
      return async () => void listeners.delete(told)
    },
  }
}
