import { openCore } from './core.js'
import { leaseEffect } from './effect.js'
import { openOnce } from './once.js'
import { refuseUnless } from './options.js'
import { DeliveredCall, carryOut, claimFirst, finish, joinTwins, notStarted, tryEnterTwins, whyNot } from './settle.js'
import { leaveUnsettled } from './telling.js'
import { Job, openEnded, stayInPlace } from './job.js'
import { endLease } from './lease.js'
import { leaveTurn, takeTurn, tryTakeTurn } from './turn.js'
import { openNaming, readDelivery } from './reading.js'
import type { Context, Handler, HandlerOptions, Idempotent } from './handler.js'
import type { Core } from './core.js'
import type { Delivery, Session } from './delivery.js'
import type { Effect } from './effect.js'
import type { Outcome } from './outcome.js'
import type { Store } from './store.js'

export interface IdempotentOptions<Message> extends HandlerOptions<Message> {
  /** Where claims and consumed keys are recorded. */
  readonly store: Store
  /** What to do while the store cannot be reached: hold deliveries until it answers, or run them unclaimed, which promises nothing. @default 'hold' */
  readonly whenStoreFails?: 'hold' | 'run' | undefined
}

/**
 * Wraps a handler so that it takes effect once per key: under a claim whose lease is renewed while it runs, and which is completed afterwards.
 *
 * The effect is once per key within the window as long as no process dies or stalls between the effect and its record, the record is made
 * before the lease runs out, and the store forgets nothing. Where effect and record share a database, `inbox` has none of these conditions.
 *
 * Throws a `ConfigurationError` for options that could only lose or double.
 */
export function idempotent<Message, Value>(
  handler: Handler<Message, Value, Context>,
  options: IdempotentOptions<Message>,
): Idempotent<Message, Value> {
  const core = openCore(options)
  return makeIdempotent(core, options, handler, leaseEffect(core, handler))
}

/** Both layers of a wrapped handler: `once`, and around it the life of a delivery. */
export function makeIdempotent<Message, Value>(
  core: Core,
  options: Pick<HandlerOptions<Message>, 'key' | 'scope'>,
  handler: unknown,
  effect: Effect<Message, Value>,
): Idempotent<Message, Value> {
  refuseUnless.function('handler', handler, 'async (order) => { … }')
  const nameOf = openNaming(options)

  /**
   * The life of a delivery: it is read; it waits while its twin is handled here; it takes its turn; its key is claimed and the handler runs;
   * and what happened is carried out, first on the record, then on the delivery. What is to be kept in place begins again.
   */
  const settle = async (delivery: Delivery<Message>, session: Session): Promise<Outcome> => {
    const arrivedAt = core.runtime.clock.now()
    const reading = readDelivery(nameOf, delivery)
    const read = reading instanceof Promise ? await reading : reading
    const job = new Job(core, delivery, session, arrivedAt, read)
    if ('error' in read) return finish(job, { what: 'unreadable', error: read.error })

    for (;;) {
      const endTwin = tryEnterTwins(job, read.record) ?? (await joinTwins(job, read.record))
      if (endTwin === 'consumed') return finish(job, { what: 'consumed' })
      let happened = notStarted
      const turn =
        tryTakeTurn(core.runtime, session, job.kind, delivery.signal) ?? (await takeTurn(core.runtime, session, job.kind, delivery.signal))
      try {
        if (turn) {
          const hindrance = effect.claimsFirst(delivery.redelivered)
            ? whyNot(job, await claimFirst(job, read.record), read.key, turn)
            : undefined
          happened = hindrance ?? (await effect.run(new DeliveredCall(job, read))).happened
        }
        // While its copy is published another one may run: of a burst of duplicates all copies go out together.
        if (turn && happened.what === 'busy') leaveTurn(turn)
        const carried = await carryOut(job, happened)
        if ('status' in carried) return carried
        job.again = carried
      } finally {
        if (job.lease) endLease(job.lease)
        job.free()
        if (turn) leaveTurn(turn)
        endTwin(happened.what === 'returned' && happened.recorded === 'yes')
      }
      if (!(await stayInPlace(job))) return leaveUnsettled(job)
    }
  }

  return {
    scope: core.scope,
    settings: core,
    once: openOnce(core, nameOf, effect),
    settle: (delivery, session = openEnded) => settle(delivery, session),
    check: () => core.store.check((message) => core.hooks.trouble({ kind: 'unchecked', scope: core.scope, message })),
    report: (trouble) => core.hooks.trouble({ scope: core.scope, ...trouble }),
  }
}
