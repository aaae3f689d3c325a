/** What most write: for each message a `send` to a topic for later, waited for, then the next one. */
import { Partitioners } from 'kafkajs'
import { setting } from '../../contract.js'
import { openKafka } from './client.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const { name, settings, settled } = given
  const kafka = openKafka(given)
  const later = `${setting(settings, 'topic')}.${name}.later`
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: later, numPartitions: 6, replicationFactor: 1 }] })
  await admin.disconnect()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const consumer = kafka.consumer({ groupId: name })
  return {
    async start() {
      await consumer.connect()
      await consumer.subscribe({ topic: setting(settings, 'topic'), fromBeginning: true })
      await consumer.run({
        async eachMessage({ message: { key, value } }) {
          settled(0)
          await producer.send({ topic: later, messages: [{ key, value }] })
          settled()
        },
      })
    },
    async close() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}
