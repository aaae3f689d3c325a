/** kafkajs and nothing else: no key is looked at. */
import { setting } from '../../contract.js'
import { sideBySide } from './batches.js'
import { openKafka } from './client.js'
import { decode } from './messages.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const { name, concurrency, settings, handle, settled } = given
  const consumer = openKafka(given).consumer({ groupId: name })
  return {
    async start() {
      await consumer.connect()
      await consumer.subscribe({ topic: setting(settings, 'topic'), fromBeginning: true })
      await consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: (payload) =>
          sideBySide(payload, concurrency, async ({ value }) => {
            await handle(decode(String(value)).id)
            settled()
          }),
      })
    },
    close: () => consumer.disconnect(),
  }
}
