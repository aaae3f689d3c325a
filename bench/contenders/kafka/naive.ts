/** The first thing that comes to mind: `eachMessage`, and two commands that are waited for, one message after the other. */
import { Redis } from 'ioredis'
import { setting } from '../../contract.js'
import { openKafka } from './client.js'
import { decode } from './messages.js'
import { handleOnce } from './pair.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const { name, settings, settled } = given
  const redis = new Redis(setting(settings, 'redis'))
  const consumer = openKafka(given).consumer({ groupId: name })
  return {
    async start() {
      await consumer.connect()
      await consumer.subscribe({ topic: setting(settings, 'topic'), fromBeginning: true })
      await consumer.run({
        async eachMessage({ message }) {
          await handleOnce(given, redis, decode(String(message.value)).id)
          settled()
        },
      })
    },
    async close() {
      await consumer.disconnect()
      redis.disconnect()
    },
  }
}
