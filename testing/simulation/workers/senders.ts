import { copyHeaders, hasCode } from '../../../src/index.js'
import { bodyOf, simulatedScope } from './handler.js'
import { beginningEpochMs } from './process.js'
import type { MessageHeaders } from '../../../src/index.js'
import type { ToldOutcome } from '../chronicle.js'
import type { Crew } from './crew.js'
import type { PlannedMessage } from '../plan.js'
import type { Worker } from './worker.js'
import type { World } from '../world.js'

/** Those who send the messages of a history: producers that publish until it is confirmed, and callers of `once` that come back until they are answered. */
export interface Senders {
  begin(): void
  /** How many messages are not handed over yet. */
  readonly open: number
}

/** After so long a caller of `once` comes back, or a producer publishes again. */
const againMs = 150

/** How often a caller comes back after the handler threw, or did not answer. */
const mostCalls = 12

export function openSenders<Tx>(world: World<Tx>, crew: Crew): Senders {
  const { plan, scheduler, broker, tell } = world
  let open = plan.messages.length

  const publish = (message: PlannedMessage): void => {
    const { id, key, orderingKey, forged } = message
    broker
      .publish([
        { body: bodyOf(message), orderingKey, ...(forged && { headers: forgedHeaders(broker.destination, key, id.length % 2 === 0) }) },
      ])
      .then(
        () => {
          open -= 1
          tell({ what: 'sent', message: id, key })
        },
        () => scheduler.schedule(againMs, () => publish(message)),
      )
  }

  const callOf = (message: PlannedMessage): (() => void) => {
    let calls = 0
    let ended = false
    const answered = (status: ToldOutcome['status'], retryInMs: number): void => {
      if (ended) return
      if (final.has(status) || (status === 'threw' && calls >= mostCalls)) {
        ended = true
        open -= 1
        if (!final.has(status)) tell({ what: 'given-up', message: message.id })
      } else scheduler.schedule(Math.min(retryInMs, plan.settings.leaseMs * 3), call)
    }
    const call = (): void => {
      if (ended) return
      const worker = nextWorker()
      calls += 1
      if (!worker && calls < mostCalls) return void scheduler.schedule(againMs, call)
      let heard = false
      const hear = (status: ToldOutcome['status'], retryInMs = againMs): void => {
        if (heard) return
        heard = true
        answered(status, retryInMs)
      }
      if (!worker) return hear('threw')
      // A caller that is not answered comes back, while the first call may still be at work.
      scheduler.schedule(plan.settings.maxRunMs, () => hear(calls >= mostCalls ? 'threw' : 'busy'))
      worker.process.wake(world.transitMs(), () => void ask(worker, message).then(({ status, retryInMs }) => hear(status, retryInMs)))
    }
    return call
  }
  const ask = async (worker: Worker, { id, key }: PlannedMessage): Promise<{ status: ToldOutcome['status']; retryInMs?: number }> => {
    const told = await worker.handler.once({ id, key, delivery: undefined }).then(
      (result) => ({ status: result.status, ...(result.status === 'busy' && { retryInMs: result.retryInMs }) }),
      (error: unknown) => ({ status: hasCode(error, 'store-away') ? ('store-away' as const) : ('threw' as const) }),
    )
    tell({ what: 'outcome', worker: worker.process.name, delivery: undefined, message: id, outcome: { status: told.status } })
    return told
  }
  let turn = 0
  const nextWorker = (): Worker | undefined => {
    const able = plan.workers.flatMap(({ mode }, slot) => {
      const worker = mode === 'once' ? crew.current(slot) : undefined
      return worker ? [worker] : []
    })
    turn += 1
    return able[turn % able.length]
  }

  return {
    begin() {
      for (const message of plan.messages) {
        if (message.via === 'broker') {
          scheduler.schedule(message.atMs, () => publish(message))
          continue
        }
        const call = callOf(message)
        scheduler.schedule(message.atMs, () => {
          tell({ what: 'sent', message: message.id, key: message.key })
          call()
        })
      }
    },
    get open() {
      return open
    },
  }
}

const final: ReadonlySet<ToldOutcome['status']> = new Set(['handled', 'duplicate', 'lease-lost', 'unrecorded'])

/** Marks as a stranger's handler forwards them: written by us, for another delivery. */
function forgedHeaders(destination: string, key: string, replay: boolean): MessageHeaders {
  const marks = { scope: simulatedScope, key, attempts: 90, postponements: 90, replay }
  return copyHeaders(marks, { origin: { destination, position: '0' }, nowEpochMs: beginningEpochMs, sinceEpochMs: undefined }, 0)
}
