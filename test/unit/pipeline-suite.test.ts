import { expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.js'
import { memoryBroker, memoryTransport } from '../../adapters/transports/memory.js'
import { manualClock } from '../../testing/manual-clock.js'
import { pipelineSuite } from '../../testing/pipeline-suite.js'
import { seededRandom } from '../../testing/seeded-random.js'
import type { PipelineBench } from '../../testing/pipeline-suite.js'
import type { BrokerFaults } from '../../adapters/transports/memory.js'

const topic = 'suite'

const variants: Record<string, BrokerFaults> = {
  'a memory store and a memory transport': {},
  'with failing copies and slow, reordered deliveries': { copyFails: 0.2, reorder: 0.3, deliveryDelayMs: 30 },
}

for (const [name, faults] of Object.entries(variants)) {
  const clock = manualClock()
  const open = (): Promise<PipelineBench> => {
    const store = memoryStore({ clock })
    const broker = memoryBroker({ clock, random: seededRandom(7), faults })
    return Promise.resolve({
      store: () => store,
      transport: (asked) => memoryTransport(broker, { ...asked, topic }),
      publish: (messages) => broker.publish(messages.map((message) => ({ ...message, destination: topic }))),
      deadLetters: (groupId) => Promise.resolve(broker.deadLetters({ topic, groupId })),
      close: () => Promise.resolve(),
    })
  }
  for (const each of pipelineSuite({ open, clock, passTime: clock.advance, random: seededRandom(1) })) {
    test(`${name}: ${each.name}`, async () => {
      await each.run()
      expect(clock.pending(), 'timers left behind').toBe(0)
    })
  }
}
