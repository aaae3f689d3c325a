import type { BrokerChances } from './pieces.js'

/**
 * All that one history is made from, as plain data: who takes part, what is sent, and what goes wrong when. The same plan is the same history on
 * every machine; a plan with something taken out is a smaller history of the same kind, which is what shrinking lives on.
 */
export interface Plan {
  /** Of the noise: how long each step is on its way, and in which order what is due at once happens. */
  readonly seed: number
  readonly settings: PlanSettings
  readonly workers: readonly PlannedWorker[]
  readonly messages: readonly PlannedMessage[]
  /** What the handler does with messages of a key; a key that is not named works at once. */
  readonly behaviours: Readonly<Record<string, Behaviour>>
  readonly faults: readonly Fault[]
}

/** How the handlers are wrapped, and what is between them and their servers. Durations are milliseconds. */
export interface PlanSettings {
  readonly leaseMs: number
  readonly windowMs: number
  readonly maxAttempts: number
  readonly retryDelaysMs: readonly number[]
  readonly maxRunMs: number
  readonly maxLapses: number
  /** After so long the database ends a transaction that is still open. */
  readonly transactionLimitMs: number
  readonly recordTimeoutMs: number
  readonly concurrency: number
  readonly graceMs: number
  readonly whenBusy: 'postpone' | 'wait'
  readonly whenFailed: 'postpone' | 'wait'
  readonly whenStoreFails: 'hold' | 'run'
  /** The longest way of a request or an answer. */
  readonly transitMs: number
  /** From when on nothing goes wrong any more. */
  readonly troubleMs: number
  /** What the broker does wrong until then. */
  readonly broker: BrokerChances
}

export interface PlannedWorker {
  /** How its handler is wrapped: with `idempotent`, with `inbox`, or with `idempotent` and called through `once`, without the broker. */
  readonly mode: 'lease' | 'inbox' | 'once'
  /** How much its wall clock is ahead, and how fast its clocks run; 1 is right. */
  readonly clock: { readonly aheadMs: number; readonly rate: number }
  /** Whether the steps that it asks of the store in one turn travel together. */
  readonly coalesces: boolean
}

export interface PlannedMessage {
  readonly id: string
  readonly key: string
  /** Messages of one ordering key come one after the other. */
  readonly orderingKey: string | undefined
  readonly atMs: number
  /** Published to the broker, or handed to a worker whose mode is `once` until that one answers. */
  readonly via: 'broker' | 'once'
  /** It carries marks that a stranger wrote, as messages do whose handler forwards the headers it got. */
  readonly forged: boolean
}

/** What a handler does with a message. */
export interface Behaviour {
  readonly how:
    | 'works'
    /** Throws in its first `times` runs. */
    | 'fails'
    /** Throws an error that asks for the dead letters. */
    | 'asks'
    /** Takes the whole process down in its first `times` runs. */
    | 'kills'
    /** Never ends in its first `times` runs, unless its signal aborts and it heeds that. */
    | 'hangs'
    /** Cannot be decoded. */
    | 'unreadable'
    /** Has no key. */
    | 'keyless'
  readonly times: number
  /** How long it takes before its effect, and after it. */
  readonly beforeMs: number
  readonly afterMs: number
  /** `asks`: looks at its signal right before the effect; `aborts`: its waits end with the signal, too; `nothing`: goes on whatever happens. */
  readonly heeds: 'asks' | 'aborts' | 'nothing'
  /** Whether it has its effect before it throws, kills or hangs. */
  readonly effectFirst: boolean
}

/** A place in the life of a worker at which something can be made to go wrong. */
export type Point =
  | 'claim'
  | 'renew'
  | 'complete'
  | 'release'
  | 'begin'
  | 'claim-in'
  | 'commit'
  | 'rollback'
  | 'ack'
  | 'postpone'
  | 'dead-letter'
  | 'arrive'
  | 'start'
  | 'effect'
  | 'return'

/** A moment by the clock, or the `nth` time (from 1) that worker number `worker` comes to a point, right before or right after its effect. */
export type When =
  { readonly atMs: number } | { readonly worker: number; readonly point: Point; readonly nth: number; readonly side: 'before' | 'after' }

/**
 * How a way is cut: `refused`: whoever calls is told at once; `silent`: nothing arrives; `deaf`: what is sent arrives, and no answer comes back.
 */
export type Cut = 'refused' | 'silent' | 'deaf'

/** Something that goes wrong. Workers are meant by their number, from 0. */
export type Fault =
  /** Dies, and is replaced by a new process. */
  | { readonly what: 'crash'; readonly worker: number; readonly when: When; readonly downMs: number }
  /** Does nothing at all for a while: a long pause, SIGSTOP, a frozen machine. */
  | { readonly what: 'stall'; readonly worker: number; readonly when: When; readonly forMs: number }
  /** Is stopped gracefully, and replaced. */
  | { readonly what: 'stop'; readonly worker: number; readonly when: When; readonly downMs: number }
  /** Cannot reach the store, or the broker. */
  | {
      readonly what: 'cut'
      readonly worker: number
      readonly from: 'store' | 'broker'
      readonly how: Cut
      readonly when: When
      readonly forMs: number
    }
  /** Its commits are given up for the sake of others, or their connection breaks before they arrive. */
  | {
      readonly what: 'commits-fail'
      readonly worker: number
      readonly how: 'conflict' | 'unknown'
      readonly when: When
      readonly forMs: number
    }
  /** Loses all that it has in hand to the others. */
  | { readonly what: 'rebalance'; readonly worker: number; readonly when: When }
  /** One call, whose request or answer is late, or lost; or which is sent again by the client library, and takes effect twice. */
  | {
      readonly what: 'call'
      readonly when: When
      readonly how: 'late-request' | 'late-answer' | 'lost-request' | 'lost-answer' | 'fails' | 'twice'
      readonly byMs: number
    }
  /** The store cannot be reached by anybody. */
  | { readonly what: 'store-away'; readonly how: Cut; readonly when: When; readonly forMs: number }
  /** Each way to the store and back takes up to so much longer. */
  | { readonly what: 'store-slow'; readonly byMs: number; readonly when: When; readonly forMs: number }
  /** The store falls back to what it held a while ago, as a Redis that failed over to a replica that lagged. The guarantee is then a weaker one. */
  | { readonly what: 'store-forgets'; readonly when: When; readonly lagMs: number }
  /** Neither publishes nor acks get through, for anybody. */
  | { readonly what: 'broker-away'; readonly when: When; readonly forMs: number }
  /** Somebody has all dead letters delivered again. */
  | { readonly what: 'replay'; readonly when: When }
