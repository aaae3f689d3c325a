import type { Assigned, KafkaAssigner, KafkaCluster } from './client.js'

/**
 * Shares the partitions evenly, each among the members that subscribe to its topic. The assigner that comes with kafkajs gives all topics of
 * the group's leader to all members: a retry topic that only the newer ones of a rolling deployment know, or the topics of two transports with
 * one group, would be given to members that do not read them. It has the name and the format of that one, so that a group can move over.
 */
export function fairAssigner(cluster: KafkaCluster): KafkaAssigner {
  return {
    name: 'RoundRobinAssigner',
    version: 0,
    protocol({ topics }) {
      return { name: this.name, metadata: encodeSubscription(topics) }
    },
    async assign({ members, topics }) {
      const subscribers = members
        .map(({ memberId, memberMetadata }) => ({ memberId, topics: new Set(decodeSubscription(memberMetadata) ?? topics) }))
        .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
      const all = [...new Set(subscribers.flatMap((each) => [...each.topics]))].sort()
      const partitionsOf = await readPartitions(cluster, all, topics)
      const shares = new Map(subscribers.map(({ memberId }) => [memberId, { count: 0, partitions: new Map<string, number[]>() }]))
      for (const topic of all) {
        for (const partitionId of partitionsOf.get(topic) ?? []) {
          const [least] = subscribers
            .filter((each) => each.topics.has(topic))
            .flatMap(({ memberId }) => shares.get(memberId) ?? [])
            .sort((a, b) => a.count - b.count)
          if (!least) continue
          least.count += 1
          least.partitions.set(topic, [...(least.partitions.get(topic) ?? []), partitionId])
        }
      }
      return [...shares].map(([memberId, { partitions }]): Assigned => ({ memberId, memberAssignment: encodeAssignment(partitions) }))
    },
  }
}

/** The leader has loaded the topics that it subscribes to itself. One that is gone is left out. */
async function readPartitions(cluster: KafkaCluster, all: readonly string[], loaded: readonly string[]): Promise<Map<string, number[]>> {
  const partitions = new Map<string, number[]>()
  for (const topic of loaded) partitions.set(topic, numbersOf(cluster.findTopicPartitionMetadata(topic)))
  const foreign = all.filter((topic) => !partitions.has(topic))
  if (foreign.length === 0) return partitions
  for (const topic of foreign) {
    // Not by adding them to the leader's own: it would then fail with all that it reads as soon as one of them is deleted.
    const metadata = await cluster.metadata({ topics: [topic] }).catch(() => null)
    for (const found of metadata?.topicMetadata ?? []) partitions.set(found.topic, numbersOf(found.partitionMetadata))
  }
  // Asking for these has made kafkajs forget the others.
  await cluster.refreshMetadata()
  return partitions
}

function numbersOf(partitions: readonly { readonly partitionId: number }[]): number[] {
  return partitions.map(({ partitionId }) => partitionId).sort((a, b) => a - b)
}

/** Version, topics, no user data: the format of Kafka's consumer protocol. */
function encodeSubscription(topics: readonly string[]): Buffer {
  return Buffer.concat([int16(0), int32(topics.length), ...topics.map(text), int32(0)])
}

function encodeAssignment(partitions: ReadonlyMap<string, readonly number[]>): Buffer {
  const topics = [...partitions].flatMap(([topic, numbers]) => [text(topic), int32(numbers.length), ...numbers.map(int32)])
  return Buffer.concat([int16(0), int32(partitions.size), ...topics, int32(0)])
}

function decodeSubscription(metadata: Buffer): string[] | undefined {
  try {
    let at = 6
    return Array.from({ length: metadata.readInt32BE(2) }, () => {
      const length = metadata.readInt16BE(at)
      const topic = metadata.toString('utf8', at + 2, at + 2 + length)
      at += 2 + length
      return topic
    })
  } catch {
    return undefined
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([int16(bytes.length), bytes])
}
