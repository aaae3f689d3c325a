import { Kafka, Partitioners, logLevel } from 'kafkajs'
import { kafkaBrokers, kafkaVersion } from '../../test/services/places.js'
import { encode, idsOf } from '../contenders/kafka/messages.js'
import { numberOf } from '../contract.js'
import { freshName } from './names.js'
import type { OpenStage } from './stage.js'
import type { Settings } from '../contract.js'

const partitions = 6
const sentAtOnce = 1_000

/** A topic for each case, filled once, that each run reads in a group of its own. Without `messages` it is a new and empty one for each run. */
export const kafkaStage: OpenStage = async () => {
  const kafka = new Kafka({ clientId: 'bench-stage', brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await admin.connect()
  await producer.connect()
  const filled = new Map<string, Settings>()
  const made = new Set<string>()

  const make = async (): Promise<string> => {
    const topic = freshName()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })
    made.add(topic)
    return topic
  }
  const fill = async (settings: Settings): Promise<Settings> => {
    const topic = await make()
    const messages = numberOf(settings, 'messages')
    const ids = idsOf(topic, messages, numberOf(settings, 'duplicatesPercent'))
    for (let from = 0; from < ids.length; from += sentAtOnce) {
      await producer.send({ topic, messages: ids.slice(from, from + sentAtOnce).map((id) => ({ key: id, value: encode(id) })) })
    }
    return { topic, keys: String(new Set(ids).size) }
  }

  return {
    servers: { Kafka: `${kafkaVersion}, one broker, ${partitions} partitions, acks all` },
    async prepare(_run, settings) {
      const kafkaGiven = { kafka: kafkaBrokers.join(',') }
      if (settings['filled'] === 'no') return { ...kafkaGiven, topic: await make(), keys: settings['messages'] ?? '0' }
      const which = `${settings['messages']} ${settings['duplicatesPercent']}`
      const given = filled.get(which) ?? (await fill(settings))
      filled.set(which, given)
      return { ...kafkaGiven, ...given }
    },
    async tidy(run) {
      // Retry topics are named after the group, and that after the run.
      const topics = (await admin.listTopics()).filter((topic) => topic.includes(run))
      if (topics.length > 0) await admin.deleteTopics({ topics })
      const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(run))
      // One of a process that was killed has members for a while.
      if (groups.length > 0) await admin.deleteGroups(groups).catch(() => undefined)
    },
    async close() {
      await producer.disconnect()
      if (made.size > 0) await admin.deleteTopics({ topics: [...made] }).catch(() => undefined)
      await admin.disconnect()
    },
  }
}
