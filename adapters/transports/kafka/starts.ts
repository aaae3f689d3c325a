import { ConfigurationError, sleep } from '../../../src/index.js'
import { withAdmin } from './admin.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaAdmin, KafkaClient, PartitionOffset } from './client.js'
import type { ReaderParts } from './reader.js'
import type { TopicNames } from './topic-names.js'

/** Where a group begins in the partitions of its topic that it has no offset in. */
export interface Starts {
  /** Whether the group had an offset there when it was looked at. */
  isKnown(partition: number): boolean
  /** Where to begin otherwise. */
  of(partition: number): bigint | undefined
}

/**
 * Looks where the group stands. A partition with messages and without an offset is refused unless `startFrom` says where to begin: from the
 * first message that is kept, which handles history, or from the end as it is now, which leaves out what came before.
 */
export async function readStarts(
  admin: KafkaAdmin,
  { topic, groupId }: TopicNames,
  startFrom: 'earliest' | 'latest' | undefined,
): Promise<Starts> {
  const committed = await committedOffsets(admin, { topic, groupId })
  const missing = new Map<number, bigint>()
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    if (committed.has(partition)) continue
    if (startFrom === undefined && low !== high) {
      throw new ConfigurationError(
        'startFrom',
        `The group ${groupId} has no offset yet in partition ${partition} of ${topic}, which has messages. Say where it begins: startFrom: 'earliest' ` +
          `handles all that are there, 'latest' leaves them out and begins with what comes from now on`,
      )
    }
    missing.set(partition, BigInt(startFrom === 'latest' ? high : low))
  }
  return { isKnown: (partition) => committed.has(partition), of: (partition) => missing.get(partition) }
}

/** The group's offsets in a topic, by partition; without those that it does not have. */
export async function committedOffsets(
  admin: KafkaAdmin,
  { topic, groupId }: Pick<TopicNames, 'topic' | 'groupId'>,
): Promise<ReadonlyMap<number, bigint>> {
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
  if (!offsets) throw new Error(`The offsets of the group ${groupId} in ${topic} could not be read`)
  return new Map(offsets.partitions.filter(({ offset }) => offset !== '-1').map(({ partition, offset }) => [partition, BigInt(offset)]))
}

/**
 * Before anything of a partition without an offset is handled, its start is committed. So a crash before the first regular commit loses
 * nothing, and a partition that is idle for now is not taken for one that was never read.
 */
export function startSettler(
  { kafka, clock, names }: { readonly kafka: KafkaClient; readonly clock: Clock; readonly names: TopicNames },
  starts: Starts,
): NonNullable<ReaderParts['settleStarts']> {
  const settled = new Set<number>()
  return async (partitions, commit, isStillOurs) => {
    const begun = new Map<number, PartitionOffset>()
    for (;;) {
      const open = partitions.filter((each) => isStillOurs(each) && !starts.isKnown(each.number) && !settled.has(each.number))
      if (open.length === 0) return [...begun.values()]
      try {
        const { committed, lows } = await withAdmin(kafka, clock, async (admin) => ({
          committed: await committedOffsets(admin, names),
          lows: await admin.fetchTopicOffsets(names.topic),
        }))
        const offsets: PartitionOffset[] = []
        for (const { number } of open) {
          if (committed.has(number)) {
            settled.add(number)
            continue
          }
          // Partitions that were added later are read from their first message.
          const start = starts.of(number) ?? BigInt(lows.find(({ partition }) => partition === number)?.low ?? 0)
          const offset = { topic: names.topic, partition: number, offset: String(start) }
          begun.set(number, offset)
          offsets.push(offset)
        }
        if (offsets.length > 0) await commit(offsets)
      } catch {
        // A rebalance, or the broker is away: as long as the partitions are ours, it is tried again.
        await sleep(clock, 500)
      }
    }
  }
}
