import { openRuntime } from '../../src/index.js'
import type { Clock, Delivery, Idempotent, Random, Runtime, Session, Store } from '../../src/index.js'

/**
 * A process that can stall and die while the one that plays it lives on. What it sent takes effect; what comes back reaches it only while it
 * is alive: after a stall late, after a death never. That goes for time, too.
 */
export interface Mortal {
  readonly runtime: Runtime
  /** The promise, as the process sees it. */
  reach<Value>(promise: Promise<Value>): Promise<Value>
  store(store: Store): Store
  handler(handler: Idempotent<string, unknown>): Idempotent<string, unknown>
  /** How many keys it holds, or has asked for without an answer. */
  claims(): number
  stall(): void
  resume(): void
  crash(): void
}

export function openMortal(clock: Clock, random: Random): Mortal {
  let state: 'alive' | 'stalled' | 'dead' = 'alive'
  const onResume = new Set<() => void>()
  /** What cancels each; a dead process leaves none behind. */
  const timers = new Set<() => void>()
  const claims = new Set<string>()

  /** Now, on resuming, or never. Returns what cancels it. */
  const whenAlive = (go: () => void): (() => void) => {
    if (state === 'alive') go()
    if (state === 'stalled') onResume.add(go)
    return () => void onResume.delete(go)
  }
  const reach = <Value>(promise: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      promise.then(
        (value) => void whenAlive(() => resolve(value)),
        (error: unknown) => void whenAlive(() => reject(error)),
      )
    })
  /** What a dead process does is not done. */
  const send = <Value>(step: () => Promise<Value>): Promise<Value> => (state === 'dead' ? new Promise(() => undefined) : reach(step()))
  const signalOf = (signal: AbortSignal): AbortSignal => {
    const seen = new AbortController()
    const abort = (): void => void whenAlive(() => seen.abort(signal.reason))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
    return seen.signal
  }

  const mortalClock: Clock = {
    now: () => clock.now(),
    epochMs: () => clock.epochMs(),
    schedule(ms, wake) {
      let cancelWaking = (): void => undefined
      const cancelTimer = clock.schedule(ms, () => {
        timers.delete(cancel)
        cancelWaking = whenAlive(wake)
      })
      const cancel = (): void => {
        timers.delete(cancel)
        cancelTimer()
        cancelWaking()
      }
      if (state === 'dead') cancel()
      else timers.add(cancel)
      return cancel
    },
    soon: (wake) => clock.soon(() => void whenAlive(wake)),
  }
  const { gate } = openRuntime({ clock, random })
  const deliveryOf = (delivery: Delivery<string>): Delivery<string> => ({
    ...delivery,
    get takenAway() {
      return delivery.takenAway
    },
    signal: signalOf(delivery.signal),
    decode: () => send(async () => delivery.decode()),
    ack: () => send(() => delivery.ack()),
    postpone: (delayMs, marks) => send(() => delivery.postpone(delayMs, marks)),
    deadLetter: (reason, marks) => send(() => delivery.deadLetter(reason, marks)),
  })
  const sessionOf = ({ places, graceOver, hold, waitAside }: Session): Session => ({
    places: {
      tryTake: () => places.tryTake(),
      take: (signal) => send(() => places.take(signal)),
      get taken() {
        return places.taken
      },
    },
    graceOver: signalOf(graceOver),
    hold,
    waitAside,
  })

  return {
    runtime: {
      clock: mortalClock,
      random,
      gate: { tryEnter: gate.tryEnter, enter: (kind, signal) => send(() => gate.enter(kind, signal)) },
    },
    reach,
    store: (store) => ({
      check: (warn) => send(() => store.check(warn)),
      async claim(record, options) {
        claims.add(record)
        let status: string | undefined
        try {
          const result = await send(() => store.claim(record, options))
          status = result.status
          return result
        } finally {
          if (status !== 'claimed') claims.delete(record)
        }
      },
      renew: (claim, leaseMs) => send(() => store.renew(claim, leaseMs)),
      async complete(claim, windowMs) {
        const recorded = await send(() => store.complete(claim, windowMs))
        claims.delete(claim.record)
        return recorded
      },
      async release(claim, remember) {
        const released = await send(() => store.release(claim, remember))
        claims.delete(claim.record)
        return released
      },
    }),
    claims: () => claims.size,
    handler(handler) {
      const sessions = new WeakMap<Session, Session>()
      return {
        ...handler,
        async settle(delivery, session) {
          await reach(Promise.resolve())
          const seen = session && (sessions.get(session) ?? sessionOf(session))
          if (session && seen) sessions.set(session, seen)
          return reach(handler.settle(deliveryOf(delivery), seen))
        },
      }
    },
    stall() {
      if (state === 'alive') state = 'stalled'
    },
    resume() {
      if (state !== 'stalled') return
      state = 'alive'
      const late = [...onResume]
      onResume.clear()
      for (const go of late) go()
    },
    crash() {
      state = 'dead'
      onResume.clear()
      for (const cancel of timers) cancel()
    },
  }
}
