import type { Clock, Delivery, Idempotent, Incoming, Marks, Outcome, Session, Trouble } from '../../src/index.js'

/** A delivery as the scripted handler saw it. */
export interface Seen extends Pick<Delivery<string>, 'redelivered' | 'attempts' | 'postponements' | 'waitedMs' | 'replay'> {
  readonly text: string
  readonly incoming: Incoming
  /** By the suite's clock. */
  readonly atMs: number
}

/** What the handler does with a delivery. Whoever neither settles nor throws leaves it to the broker. */
export type Script = (delivery: Delivery<string>, session: Session | undefined) => Promise<void> | void

/** A handler without a store that does with a delivery what its script says: what then goes wrong is the transport's. */
export interface ScriptedHandler extends Idempotent<string, void> {
  /** In the order in which they began. */
  readonly seen: readonly Seen[]
  readonly texts: readonly string[]
  readonly troubles: readonly Trouble[]
}

export interface ScriptedOptions {
  readonly clock: Clock
  readonly retryDelaysMs: readonly number[]
  readonly scope: string
  readonly script: Script
  /** What `check` answers. */
  check(): Promise<void>
}

/** A script that acks whatever comes. */
export const ackAll: Script = (delivery) => delivery.ack()

/** A script that goes on to the next of these for each delivery of the same text; the last one counts for all that follow. */
export function inTurn(...scripts: readonly Script[]): Script {
  const times = new Map<string, number>()
  return (delivery, session) => {
    const text = delivery.incoming.text()
    const time = times.get(text) ?? 0
    times.set(text, time + 1)
    return (scripts[time] ?? scripts.at(-1))?.(delivery, session)
  }
}

/** What the suite has written into copies, unless a case says otherwise. */
export function marksOf(marks: Partial<Marks> = {}): Marks {
  return { scope: 'suite', key: 'order 17', attempts: 0, postponements: 0, replay: false, ...marks }
}

const outcome: Outcome = { scope: 'suite', key: undefined, attempts: 0, postponements: 0, tookMs: 0, status: 'handled' }

export function scriptedHandler({ clock, retryDelaysMs, scope, script, check }: ScriptedOptions): ScriptedHandler {
  const seen: Seen[] = []
  const troubles: Trouble[] = []
  return {
    scope,
    seen,
    troubles,
    get texts() {
      return seen.map(({ text }) => text)
    },
    settings: { windowMs: 86_400_000, leaseMs: 30_000, maxRunMs: 900_000, retryDelaysMs },
    check,
    once: () => Promise.reject(new Error('Transports settle deliveries, and do not call once')),
    report: (trouble) => void troubles.push(trouble),
    async settle(delivery, session) {
      const leave = session ? await session.places.take(delivery.signal) : () => undefined
      if (!leave) return { ...outcome, status: 'unsettled' }
      try {
        if (delivery.signal.aborted) return { ...outcome, status: 'unsettled' }
        const { incoming, redelivered, attempts, postponements, waitedMs, replay } = delivery
        seen.push({ text: incoming.text(), incoming, redelivered, attempts, postponements, waitedMs, replay, atMs: clock.now() })
        await script(delivery, session)
        return outcome
      } finally {
        leave()
      }
    },
  }
}
