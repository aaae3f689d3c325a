import { idempotent, openRuntime, recordKey } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { manualClock } from '../../../testing/manual-clock.js'
import type { Claim, ClaimResult, Context, Delivery, IdempotentOptions, Marks, Outcome, Runtime, Store, Trouble } from 'hapax'
import type { ManualClock } from '../../../testing/manual-clock.js'

export interface Order {
  readonly id: string
}

type Step = 'check' | 'claim' | 'renew' | 'complete' | 'release'
export type Interference = Partial<Record<Step, (go: () => Promise<unknown>) => Promise<unknown>>>

/** The store, with whatever is to go wrong on the way there or back. */
export function meddled(store: Store, meddle: Interference): Store {
  const through = <Value>(step: Step, go: () => Promise<Value>): Promise<Value> =>
    (meddle[step]?.(go) as Promise<Value> | undefined) ?? go()
  return {
    check: (warn) => through('check', () => store.check(warn)),
    claim: (record, options) => through('claim', () => store.claim(record, options)),
    renew: (claim, leaseMs) => through('renew', () => store.renew(claim, leaseMs)),
    complete: (claim, windowMs) => through('complete', () => store.complete(claim, windowMs)),
    release: (claim, remember) => through('release', () => store.release(claim, remember)),
  }
}

export const away = (): Promise<never> => Promise.reject(new Error('connection refused'))
export const never = (): Promise<never> => new Promise(() => undefined)

export interface World {
  readonly clock: ManualClock
  readonly runtime: Runtime
  readonly store: ReturnType<typeof memoryStore>
  readonly meddle: Interference
  readonly outcomes: Outcome[]
  readonly troubles: Trouble[]
  /** The defaults of this world's handlers: lease 1,200 ms, window 100 s, 3 attempts after 100 and 1,000 ms. */
  readonly options: IdempotentOptions<Order>
  /** Takes the claim as another process would. */
  takeOver(id: string): Promise<Claim>
  claim(id: string): Promise<ClaimResult>
}

export function openWorld(some: Partial<IdempotentOptions<Order>> = {}): World {
  const clock = manualClock()
  const runtime = openRuntime({ clock })
  const store = memoryStore({ clock })
  const meddle: Interference = {}
  const outcomes: Outcome[] = []
  const troubles: Trouble[] = []
  let others = 0
  const claim = (id: string): Promise<ClaimResult> => {
    others += 1
    return store.claim(recordKey('charge', id), { nonce: `other-${others}`, leaseMs: 1_200, memoryMs: 100_000 })
  }
  return {
    clock,
    runtime,
    store,
    meddle,
    outcomes,
    troubles,
    options: {
      store: meddled(store, meddle),
      scope: 'charge',
      key: (order) => order.id,
      leaseMs: 1_200,
      windowMs: 100_000,
      maxAttempts: 3,
      retryDelaysMs: [100, 1_000],
      maxRunMs: 10_000,
      runtime,
      onOutcome: (outcome) => outcomes.push(outcome),
      onTrouble: (trouble) => troubles.push(trouble),
      ...some,
    },
    claim,
    async takeOver(id) {
      const result = await claim(id)
      if (result.status !== 'claimed') throw new Error(`could not take over ${id}: ${result.status}`)
      return result.claim
    },
  }
}

export type Deed = ['ack'] | ['postpone', number, Marks] | ['dead-letter', string, Marks]

export interface TestDelivery extends Delivery<Order> {
  readonly deeds: Deed[]
  takeAway(): void
}

/** A delivery that writes down how it is settled. */
export function deliver(id: string, some: Partial<Delivery<Order>> = {}): TestDelivery {
  const deeds: Deed[] = []
  const away = new AbortController()
  const bytes = new TextEncoder().encode(JSON.stringify({ id }))
  return {
    incoming: {
      bytes,
      headers: {},
      origin: { destination: 'orders', position: '0/0' },
      orderingKey: undefined,
      text: () => new TextDecoder().decode(bytes),
      json: () => ({ id }),
    },
    redelivered: undefined,
    attempts: 0,
    postponements: 0,
    waitedMs: 0,
    replay: false,
    signal: away.signal,
    takenAway: false,
    decode: () => ({ id }),
    ack: () => {
      deeds.push(['ack'])
      return Promise.resolve()
    },
    postpone: (delayMs, marks) => {
      deeds.push(['postpone', delayMs, marks])
      return Promise.resolve()
    },
    deadLetter: (reason, marks) => {
      deeds.push(['dead-letter', reason, marks])
      return Promise.resolve()
    },
    ...some,
    deeds,
    takeAway: () => away.abort(),
  }
}

/** A handler that ends when it is told to. */
export function slowHandler(): {
  handler(order: Order, context: Context): Promise<string>
  readonly runs: { readonly order: Order; readonly context: Context; end(value?: string): void; fail(error?: unknown): void }[]
} {
  const runs: { order: Order; context: Context; end(value?: string): void; fail(error?: unknown): void }[] = []
  return {
    runs,
    handler: (order, context) =>
      new Promise((resolve, reject) => {
        runs.push({
          order,
          context,
          end: (value = 'done') => resolve(value),
          fail: (error = new Error('failed')) => reject(error),
        })
      }),
  }
}

export { idempotent }
