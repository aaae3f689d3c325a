/** What somebody writes who has measured: many at a time out of each batch, with autopipelining. */
import { Redis } from 'ioredis'
import { setting } from '../../contract.js'
import { sideBySide } from './batches.js'
import { openKafka } from './client.js'
import { decode } from './messages.js'
import { handleOnce } from './pair.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const { name, concurrency, settings, settled } = given
  const redis = new Redis(setting(settings, 'redis'), { enableAutoPipelining: true })
  const consumer = openKafka(given).consumer({ groupId: name })
  return {
    async start() {
      await consumer.connect()
      await consumer.subscribe({ topic: setting(settings, 'topic'), fromBeginning: true })
      await consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: (payload) =>
          sideBySide(payload, concurrency, async ({ value }) => {
            await handleOnce(given, redis, decode(String(value)).id)
            settled()
          }),
      })
    },
    async close() {
      await consumer.disconnect()
      redis.disconnect()
    },
  }
}
