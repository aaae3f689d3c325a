import { memoryStore } from '../../adapters/stores/memory.js'
import { memoryBroker, memoryTransport } from '../../adapters/transports/memory.js'
import type { MemoryTransaction } from '../../adapters/stores/memory.js'
import type { Pieces } from '../../testing/simulation/pieces.js'

const topic = 'orders'
const place = { topic, groupId: 'simulated' }

/** Histories are played with the memory store and the memory broker. */
export function memoryPieces(): Pieces<MemoryTransaction> {
  return {
    store({ clock }) {
      const store = memoryStore({ clock })
      return {
        store,
        transactions: { store, apply: (tx, effect) => tx.apply(effect) },
        save: store.save,
        size: () => store.size,
      }
    },
    broker({ clock, random }) {
      const broker = memoryBroker({ clock, random })
      return {
        destination: topic,
        transport: (options) => memoryTransport(broker, { ...place, ...options }),
        publish: (messages) => broker.publish(messages.map((message) => ({ ...message, destination: topic }))),
        deadLetters: () => broker.deadLetters(place).map((letter) => letter.text()),
        replay: () => broker.replay(place),
        left() {
          const { waiting, unsettled, delayed } = broker.depth(place)
          return waiting + unsettled + delayed
        },
        crash: broker.crash,
        rebalance: broker.rebalance,
        away: broker.away,
        misbehave: broker.setFaults,
      }
    },
  }
}
