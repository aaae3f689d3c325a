import { idempotent, inbox } from '../../../src/index.js'
import { openCoalescedWay } from './coalesced-way.js'
import { decoder, idOf, keyReader, playHandler, simulatedScope } from './handler.js'
import { openProcess } from './process.js'
import { remoteDelivery } from './remote-delivery.js'
import { remoteStore, remoteTransactionalStore } from './remote-store.js'
import { openWay } from './way.js'
import type { Consumption, Context, HandlerOptions, Idempotent, InboxContext, Random } from '../../../src/index.js'
import type { Received } from './handler.js'
import type { Process } from './process.js'
import type { ServerSide } from './remote-store.js'
import type { World } from '../world.js'

/** One process that consumes, or that answers calls of `once`. */
export interface Worker {
  readonly process: Process
  readonly handler: Idempotent<Received, string>
  /** Begins to consume, as soon as it can; a worker for `once` has nothing to begin. */
  begin(): Promise<void>
  /** Undefined while it does not consume. */
  readonly consumption: Consumption | undefined
  /** Deliveries that were handed to the handler, and of which nothing has come yet. */
  readonly unsettled: number
}

/** How long it takes at most until a broker has noticed that a connection is broken, and gives what went over it to somebody else. */
const reconnectedWithinMs = 500

/** After so long a process that could not begin is begun again. */
const beginAgainMs = 200

export interface WorkerParts {
  readonly slot: number
  readonly name: string
  readonly random: Random
  /** A message of this key takes the process of this worker down. */
  crash(key: string): void
}

export function openWorker<Tx>(world: World<Tx>, { slot, name, random, crash }: WorkerParts): Worker {
  const { plan, broker, nemesis, scheduler, tell } = world
  const { settings, behaviours } = plan
  const planned = plan.workers[slot] ?? { mode: 'lease', clock: { aheadMs: 0, rate: 1 }, coalesces: false }
  const process = openProcess({ name, scheduler, random, clock: planned.clock })
  const pass = nemesis.passFor(slot)
  const toStore = openWay(world, { server: 'store', slot, process, pass })
  const steps = planned.coalesces ? openCoalescedWay(world, process, toStore) : toStore
  const toBroker = openWay(world, { server: 'broker', slot, process, pass })
  let consumption: Consumption | undefined
  let unsettled = 0

  const { leaseMs, windowMs, maxAttempts, retryDelaysMs, maxRunMs, maxLapses, recordTimeoutMs, whenBusy, whenFailed } = settings
  const options = {
    scope: simulatedScope,
    key: keyReader(behaviours),
    leaseMs,
    windowMs,
    maxAttempts,
    retryDelaysMs,
    maxRunMs,
    maxLapses,
    recordTimeoutMs,
    whenBusy,
    whenFailed,
    runtime: process.runtime,
    onTrouble: (trouble) => tell({ what: 'trouble', worker: name, trouble }),
  } satisfies HandlerOptions<Received>

  const underLease = (received: Received, context: Context): Promise<string> =>
    playHandler(world, process, pass, crash, received, context, (run) => tell({ what: 'effect', worker: name, run, key: context.key }))

  const { transactions } = world.store
  const inTransaction = (received: Received, context: InboxContext<ServerSide<Tx>>): Promise<string> =>
    playHandler(world, process, pass, crash, received, context, (run) => {
      if ('cannot' in transactions) return
      transactions.apply(context.tx.tx, () => tell({ what: 'effect', worker: name, run, key: context.key }))
    })

  const handler =
    planned.mode === 'inbox' && !('cannot' in transactions)
      ? inbox(inTransaction, {
          ...options,
          store: remoteTransactionalStore(world, process, { steps, sessions: toStore }, transactions.store),
        })
      : idempotent(underLease, { ...options, store: remoteStore(world, process, steps), whenStoreFails: settings.whenStoreFails })

  let reconnecting = false
  const reconnect = (): void => {
    if (reconnecting) return
    reconnecting = true
    scheduler.schedule(reconnectedWithinMs * world.noise.fraction(), () => {
      reconnecting = false
      if (!consumption || process.state === 'dead') return
      tell({ what: 'rebalanced', worker: name })
      broker.rebalance(consumption)
    })
  }

  /** What arrives is on its way for a while; and of what comes back from a dead process nobody hears. */
  const overTheWay: Idempotent<Received, string> = {
    ...handler,
    async settle(delivery, session) {
      await process.turn(world.transitMs())
      pass('arrive', 'before')
      if (process.state !== 'alive') await process.turn(0)
      const id = world.next('delivery')
      const message = idOf(delivery.incoming.text())
      const { redelivered, attempts, postponements, replay } = delivery
      tell({ what: 'arrived', worker: name, delivery: id, message, redelivered, attempts, postponements, replay })
      unsettled += 1
      const outcome = await handler.settle(remoteDelivery(world, process, toBroker, delivery, id, message, reconnect), session)
      unsettled -= 1
      if (process.state !== 'dead') tell({ what: 'outcome', worker: name, delivery: id, message, outcome: { status: outcome.status } })
      return outcome
    },
  }

  return {
    process,
    handler,
    async begin() {
      if (planned.mode === 'once') return
      const transport = broker.transport({
        clock: process.runtime.clock,
        concurrency: settings.concurrency,
        decode: decoder(behaviours),
      })
      while (!consumption && process.state !== 'dead') {
        consumption = await transport.consume(overTheWay, { graceMs: settings.graceMs }).catch(() => undefined)
        // The broker is away: whoever runs it begins it again.
        if (!consumption) await process.turn(beginAgainMs)
      }
    },
    get consumption() {
      return consumption
    },
    get unsettled() {
      return unsettled
    },
  }
}
