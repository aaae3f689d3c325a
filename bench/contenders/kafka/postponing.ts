/** All keys are held by somebody else: each message is put off as a copy. */
import { idempotent, recordKey } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { kafkaTransport } from 'hapax/transports/kafka'
import { numberOf, setting } from '../../contract.js'
import { decodeIncoming } from '../consuming.js'
import { openKafka } from './client.js'
import { idOf } from './messages.js'
import type { Setup, Stream } from '../../contract.js'
import type { Message } from './messages.js'

const scope = 'orders.bench'
/** Longer than all of this takes. */
const leaseMs = 600_000

export const setup: Setup<Stream> = async (given) => {
  const { name, concurrency, settings, handle, settled } = given
  const topic = setting(settings, 'topic')
  const store = memoryStore()
  for (let index = 0; index < numberOf(settings, 'messages'); index += 1) {
    await store.claim(recordKey(scope, idOf(topic, index)), { nonce: 'somebody else', leaseMs, memoryMs: leaseMs })
  }
  const handler = idempotent((message: Message) => handle(message.id), {
    store,
    scope,
    key: ({ id }) => id,
    onOutcome({ status }) {
      if (status === 'postponed') settled()
    },
  })
  const transport = kafkaTransport(openKafka(given), {
    topic,
    groupId: name,
    startFrom: 'earliest',
    concurrency,
    // A copy does not come back meanwhile.
    delayStepsMs: [leaseMs],
    decode(incoming) {
      settled(0)
      return decodeIncoming(incoming)
    },
  })
  let stop: (() => Promise<void>) | undefined
  return {
    async start() {
      const consumption = await transport.consume(handler)
      stop = () => consumption.stop()
    },
    close: async () => stop?.(),
  }
}
