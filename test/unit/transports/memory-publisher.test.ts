import { test } from 'vitest'
import { memoryBroker, memoryTransport } from '../../../adapters/transports/memory.js'
import { manualClock } from '../../../testing/manual-clock.js'
import { publisherSuite } from '../../../testing/publisher-suite.js'
import { scriptedHandler } from '../../../testing/transports/scripted-handler.js'
import type { PublishedMessage, PublisherBench } from '../../../testing/publisher-suite.js'

const destination = 'suite'

/** Read as a consumer gets them: one at a time, in the order of the topic. */
function open(): Promise<PublisherBench> {
  const clock = manualClock()
  const broker = memoryBroker({ clock })
  let readings = 0
  return Promise.resolve({
    publisher: broker,
    destination,
    async read() {
      const found: PublishedMessage[] = []
      const handler = scriptedHandler({
        clock,
        retryDelaysMs: [1_000],
        scope: 'suite',
        check: () => Promise.resolve(),
        script({ incoming: { bytes, headers, orderingKey }, ack }) {
          found.push({ bytes, headers, orderingKey })
          return ack()
        },
      })
      const transport = memoryTransport(broker, {
        topic: destination,
        groupId: `reader ${(readings += 1)}`,
        decode: (incoming) => incoming.text(),
        concurrency: 1,
      })
      const consumption = await transport.consume(handler, { graceMs: 0 })
      await broker.idle({ passTime: clock.advance })
      await Promise.all([consumption.stop(), clock.advance(3_000)])
      return found
    },
    closePublisher: () => Promise.resolve(),
    close: () => Promise.resolve(),
  })
}

for (const each of publisherSuite({ open, refused: { cannot: 'the memory broker takes every message that is one' } })) {
  test(`the memory broker: ${each.name}`, each.run)
}
