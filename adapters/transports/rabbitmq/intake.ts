import { backOff, sleep, tooLate, tryAgain, within } from '../../../src/index.js'
import { isHopeless, isServersOwn } from './faults.js'
import { makeCopyDelivery, makeDelivery } from './deliveries.js'
import { openLine } from './line.js'
import { openOutage } from './outage.js'
import { openPublishing } from './publishing.js'
import { openStation } from './station.js'
import { prepareOwn } from './queues.js'
import type { Clock, Idempotent, Intake, OpenParts, Random } from '../../../src/index.js'
import type { Connect } from './link.js'
import type { DeliveryParts, RabbitmqIncoming } from './deliveries.js'
import type { QueuesParts } from './queues.js'
import type { Station } from './station.js'

export interface IntakeParts<Message> extends QueuesParts {
  readonly connect: Connect
  readonly clock: Clock
  readonly random: Random
  readonly handler: Idempotent<Message, unknown>
  readonly concurrency: number
  readonly prefetch: number
  readonly maxAside: number
  readonly publishTimeoutMs: number
  readonly decode: (incoming: RabbitmqIncoming) => Message | Promise<Message>
  readonly session: OpenParts<Message>
  /** When it aborts, nobody waits for a connection. */
  readonly signal: AbortSignal | undefined
}

/** A link that was lost sooner than this after it was opened counts as one more failure. */
const steadyMs = 10_000
/** How often opening is tried where the server itself fails: a queue that many begin to consume while it is being made is not there for a moment. */
const mostServerFailures = 5
const stopWithinMs = 1_000
const closeWithinMs = 4_000
/** Each step of opening has a limit of its own. */
const openWithinMs = 600_000

/** All that a consumption needs of RabbitMQ: a link that receives, replaced whenever it is lost, and one that publishes copies and dead letters. */
export async function openIntake<Message>(parts: IntakeParts<Message>): Promise<Intake> {
  const { connect, clock, random, handler, session, decode, names } = parts
  const publishing = openPublishing({
    clock,
    deadlineMs: parts.publishTimeoutMs,
    mends: parts.createQueues,
    open: () => openLine({ connect, clock }, (link) => prepareOwn(link, parts)),
  })
  const deliveries: DeliveryParts<Message> = { names, scope: handler.scope, clock, publish: publishing.publish, decode }
  const outage = openOutage({ queue: names.queue, hold: () => session.hold(), report: (trouble) => handler.report(trouble) })
  const stopping = new AbortController()
  let aside = 0
  let station: Station | undefined

  const open = async (): Promise<Station> => {
    const opened = await openStation({
      ...parts,
      deliver: (held, isCopy) => session.settle(isCopy ? makeCopyDelivery(deliveries, held) : makeDelivery(deliveries, held)),
    })
    if (stopping.signal.aborted) await opened.link.close()
    else if (aside > 0) opened.setAside(aside)
    return opened
  }
  const openFirst = async (): Promise<Station> => {
    for (let failures = 1; ; failures += 1) {
      try {
        return await open()
      } catch (error) {
        if (!isServersOwn(error) || failures >= mostServerFailures || stopping.signal.aborted) throw error
        await sleep(clock, backOff(failures, random.fraction()), stopping.signal)
      }
    }
  }

  /** Until the end: waits until the link is lost, and replaces it. */
  const keepUp = async (first: Station): Promise<void> => {
    let failures = 0
    for (let current = first; ;) {
      const openedAt = clock.now()
      await ended(current.link.ended)
      if (stopping.signal.aborted) return
      outage.away(current.link.fault)
      // What takes each link down soon after it was opened is not to be met without a pause.
      failures = clock.now() - openedAt < steadyMs ? failures + 1 : 0
      if (failures > 0) await sleep(clock, backOff(failures, random.fraction()), stopping.signal)
      if (stopping.signal.aborted) return
      const tried = await tryAgain({ clock, random }, open, {
        signal: stopping.signal,
        onFault(error) {
          if (!isHopeless(error) || stopping.signal.aborted) return
          stopping.abort()
          session.fail(error)
        },
      })
      if (!tried.done || stopping.signal.aborted) return
      station = current = tried.value
      outage.over()
    }
  }

  session.watchAside((count) => {
    aside = Math.min(count, parts.maxAside)
    station?.setAside(aside)
  })

  let keeping = Promise.resolve()
  try {
    const opened = await within(clock, openWithinMs, openFirst(), parts.signal)
    if (opened !== tooLate) {
      station = opened
      keeping = keepUp(opened)
      // After the other one, which has declared the queues: both at once would get in each other's way.
      if ((await within(clock, openWithinMs, publishing.connect(), parts.signal)) === tooLate) stopping.abort()
    } else stopping.abort()
  } catch (error) {
    stopping.abort()
    await Promise.all([publishing.close(), station?.close()])
    throw error
  }

  return {
    async stop() {
      stopping.abort()
      if (station) await within(clock, stopWithinMs, station.stop())
    },
    async close() {
      stopping.abort()
      // The one whose opening was begun is closed by itself.
      await Promise.all([station?.close(), publishing.close(), within(clock, closeWithinMs, keeping)])
    },
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
