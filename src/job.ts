import { openPlaces } from './places.js'
import { sleep } from './clock.js'
import type { Core } from './core.js'
import type { Counts, Decision } from './decide.js'
import type { Delivery, Session } from './delivery.js'
import type { Kind } from './gate.js'
import type { Lease } from './lease.js'
import type { Read } from './reading.js'

export type Again = Extract<Decision['settle'], { how: 'again' }>

/**
 * A delivery on its way through the handler.
 *
 * A class, as all there is one of for each delivery: V8 watches how long the objects of a literal live, and when it has seen many of them in hand at once
 * it makes the following ones old from the beginning. Old ones keep alive what they refer to until old objects are looked through, which then is all of
 * a delivery, and the next one, and made up a quarter of what a delivery costs. It does not do so with what a class makes.
 */
export class Job<Message> {
  /** How it may run beside others, as far as we know. */
  kind: Kind = 'ordinary'
  /** It has waited for a twin as long as it may. */
  pastTwin = false
  lease: Lease | undefined = undefined
  /** How it is to begin again, where it was kept in place. */
  again: Again | undefined = undefined
  /** Ends what tells the session that this delivery is held up. */
  free: () => void = nothingHeld
  /** Failed runs that this process knows of: from the header, and those that waited in place. */
  attempts: number
  /** It failed and was kept in place: it is not to lose its order now because its own rest is not quite over. */
  waitsForBusy: boolean
  /** Told of each fault of the store: the session is held until it answers. */
  readonly onFault = (): void => {
    this.free()
    this.free = this.session.hold()
  }
  readonly core: Core
  readonly delivery: Delivery<Message>
  readonly session: Session
  readonly arrivedAt: number
  /** What came of reading it. */
  readonly read: Read<Message>

  constructor(core: Core, delivery: Delivery<Message>, session: Session, arrivedAt: number, read: Read<Message>) {
    this.core = core
    this.delivery = delivery
    this.session = session
    this.arrivedAt = arrivedAt
    this.read = read
    this.attempts = delivery.replay ? 0 : delivery.attempts
    this.waitsForBusy = core.whenBusy === 'wait'
  }
}

const nothingHeld = (): void => undefined

/** For those who settle without a session: nothing is bounded, and nothing ever stops. */
export const openEnded: Session = {
  places: openPlaces(Number.POSITIVE_INFINITY),
  graceOver: new AbortController().signal,
  hold: () => () => undefined,
  waitAside: () => () => undefined,
}

/** Attempts are the larger of the header's and the record's: either may have been lost. */
export function countsOf<Message>({ attempts, lease, delivery }: Job<Message>): Counts {
  return {
    attempts: Math.max(attempts, lease?.claim.attempts ?? 0),
    lapses: lease?.claim.lapses ?? 0,
    postponements: delivery.postponements,
  }
}

/** Keeps the delivery in place until it is to be begun again; false if it is to be left before. */
export async function stayInPlace<Message>(job: Job<Message>): Promise<boolean> {
  const { core, delivery, again } = job
  job.lease = undefined
  if (again) {
    job.attempts = again.attempts
    job.kind = again.kind
    job.waitsForBusy ||= again.afterMs > 0
    if (again.afterMs > 0) {
      const over = job.session.waitAside()
      await sleep(core.runtime.clock, again.afterMs, delivery.signal)
      over()
    }
  }
  return !delivery.signal.aborted
}
