import { signalOf } from './run.js'
import type { Context } from './handler.js'
import type { Running } from './run.js'

/**
 * The context of a handler under a lease. Its signal is an own property, so that `{ ...context }` has one, too, and is made when somebody asks.
 *
 * A class, as only that has a place for what the property reads where nobody else sees it. A getter in an object literal would make a new
 * kind of object each time: it takes twenty times as long, and a tenth of all that a delivery costs.
 */
class LeaseContext implements Context {
  readonly key: string
  readonly attempt: number
  declare readonly signal: AbortSignal
  readonly headers: Context['headers']
  readonly origin: Context['origin']
  readonly token: number
  readonly #running: Running
  static readonly #signal: PropertyDescriptor & ThisType<LeaseContext> = {
    enumerable: true,
    get() {
      return signalOf(this.#running)
    },
  }

  constructor(running: Running) {
    const { key, attempt, headers, origin } = running.call
    this.key = key
    this.attempt = attempt
    this.headers = headers
    this.origin = origin
    this.token = running.lease?.claim.token ?? 0
    this.#running = running
    Object.defineProperty(this, 'signal', LeaseContext.#signal)
  }
}

export function leaseContext(running: Running): Context {
  return new LeaseContext(running)
}
