import type { Delivery, Marks } from '../../../src/index.js'
import type { Process } from './process.js'
import type { Received } from './handler.js'
import type { Way } from './way.js'
import type { World } from '../world.js'

/** How long a client of a broker waits for an answer before it takes its connection for broken. */
const patienceMs = 1_000

/** A delivery as its process has it: what settles it goes to the broker, and what the broker does to it is heard of later. */
export function remoteDelivery<Tx>(
  world: World<Tx>,
  process: Process,
  way: Way,
  delivery: Delivery<Received>,
  id: number,
  message: string,
  reconnect: () => void,
): Delivery<Received> {
  const { name: worker } = process
  const signal = process.hear(delivery.signal, world.transitMs)
  const settling = (): { worker: string; delivery: number; message: string; takenAway: boolean } => ({
    worker,
    delivery: id,
    message,
    takenAway: delivery.takenAway,
  })
  /** Written down once it took effect, with how things stood right before. */
  const settle = async (effect: () => Promise<void>, tell: (how: ReturnType<typeof settling>) => void): Promise<void> => {
    const how = settling()
    await effect()
    tell(how)
  }

  return {
    incoming: delivery.incoming,
    redelivered: delivery.redelivered,
    attempts: delivery.attempts,
    postponements: delivery.postponements,
    waitedMs: delivery.waitedMs,
    replay: delivery.replay,
    signal,
    get takenAway() {
      return signal.aborted && delivery.takenAway
    },
    decode: async () => ({ ...(await delivery.decode()), delivery: id }),
    async ack() {
      try {
        await way.call(
          'ack',
          () =>
            settle(
              () => delivery.ack(),
              (how) => world.tell({ what: 'ack', ...how }),
            ),
          { patienceMs },
        )
      } catch (error) {
        // An ack that did not get through breaks the connection, or the message would stay with this consumer for ever.
        reconnect()
        throw error
      }
    },
    postpone: (delayMs: number, marks: Marks) =>
      way.call(
        'postpone',
        () =>
          settle(
            () => delivery.postpone(delayMs, marks),
            (how) => world.tell({ what: 'postponed', ...how, delayMs, marks }),
          ),
        { patienceMs },
      ),
    deadLetter: (reason: string, marks: Marks) =>
      way.call(
        'dead-letter',
        () =>
          settle(
            () => delivery.deadLetter(reason, marks),
            (how) => world.tell({ what: 'dead-letter', ...how, reason, marks }),
          ),
        { patienceMs },
      ),
  }
}
