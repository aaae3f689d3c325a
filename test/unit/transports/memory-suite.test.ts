import { expect, test } from 'vitest'
import { memoryBroker, memoryTransport } from '../../../adapters/transports/memory.js'
import { manualClock } from '../../../testing/manual-clock.js'
import { seededRandom } from '../../../testing/seeded-random.js'
import { transportSuite } from '../../../testing/transport-suite.js'
import type { TransportBench } from '../../../testing/transport-suite.js'
import type { MemoryBroker, MemoryTransportOptions } from '../../../adapters/transports/memory.js'

const topic = 'suite'

function benchOn(broker: MemoryBroker, options: Partial<MemoryTransportOptions<string>>): TransportBench {
  return {
    transport: (asked) => memoryTransport(broker, { ...asked, topic, ...options }),
    publish: (messages) => broker.publish(messages.map((message) => ({ ...message, destination: topic }))),
    deadLetters: (groupId) => Promise.resolve(broker.deadLetters({ topic, groupId })),
    close: () => Promise.resolve(),
  }
}

const variants: Record<string, { steps?: readonly number[]; deliveryDelayMs?: number; reorder?: number }> = {
  'the memory transport': {},
  'the memory transport with delay steps': { steps: [200, 1_000] },
  'the memory transport with slow, reordered deliveries': { deliveryDelayMs: 50, reorder: 0.5 },
}

for (const [name, { steps, ...faults }] of Object.entries(variants)) {
  const clock = manualClock()
  let broker = memoryBroker({ clock })
  const open = (): Promise<TransportBench> => {
    broker = memoryBroker({ clock, random: seededRandom(1), faults })
    return Promise.resolve(benchOn(broker, { delayStepsMs: steps }))
  }
  for (const each of transportSuite({ open, clock, passTime: clock.advance, away: (isAway) => broker.away(isAway) })) {
    test(`${name}: ${each.name}`, async () => {
      await each.run()
      expect(clock.pending(), 'timers left behind').toBe(0)
    })
  }
}
