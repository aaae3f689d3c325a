/** A producer and nothing else: 100 messages in each request, one request after the other. Nothing is read, and nothing remembered. */
import { Partitioners } from 'kafkajs'
import { numberOf, setting } from '../../contract.js'
import { openKafka } from '../kafka/client.js'
import { encode, idOf } from '../kafka/messages.js'
import type { Setup, Stream } from '../../contract.js'

const atOnce = 100

export const setup: Setup<Stream> = async (given) => {
  const { name, settings, settled } = given
  const topic = setting(settings, 'topic')
  const ids = Array.from({ length: numberOf(settings, 'messages') }, (_, index) => idOf(name, index))
  const producer = openKafka(given).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  return {
    async start() {
      settled(0)
      for (let from = 0; from < ids.length; from += atOnce) {
        const messages = ids.slice(from, from + atOnce).map((id) => ({ key: id, value: encode(id) }))
        await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages }] })
        settled(messages.length)
      }
    },
    close: () => producer.disconnect(),
  }
}
