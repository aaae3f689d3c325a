import { within } from '../../../src/index.js'
import { fairAssigner } from './assigner.js'
import { followConnections } from './connecting.js'
import type { Clock } from '../../../src/index.js'
import type { Connections } from './connecting.js'
import type { KafkaBatch, KafkaClient, PartitionOffset, TopicPartitions } from './client.js'

/** One kafkajs consumer, from its start to its end: it is never restarted, but replaced. */
export interface Member {
  /** Nothing is thrown at those who pause, resume or seek while it is not running. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  seek(offset: PartitionOffset): void
  /** May take as long as an outage; what was committed is told to `committed`. */
  commit(offsets: PartitionOffset[]): Promise<void>
  /** Why it is taken for dead, though it did not say so; undefined while it seems well. */
  stuck(): string | undefined
  close(): Promise<void>
}

export interface TopicPartition {
  readonly topic: string
  readonly number: number
}

export interface MemberParts {
  readonly kafka: KafkaClient
  readonly clock: Clock
  readonly groupId: string
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly joined: (memberId: string, assigned: readonly TopicPartition[]) => void
  /** It is about to join again: what is committed now still counts, for whoever gets the partitions next. */
  readonly rejoining: () => void
  readonly committed: (offsets: readonly PartitionOffset[]) => void
  /** The group's leader gave us topics that we do not read. */
  readonly missedTopics: () => void
  /** It has ended, or could not begin. */
  readonly crashed: (error: unknown) => void
  readonly answered: () => void
  /** Whether the broker is known to be away: then silence says nothing about the consumer. */
  readonly isAway: () => boolean
  readonly eachBatch: (batch: KafkaBatch, resolve: () => void) => Promise<void>
}

const closingMs = 5_000

export function openMember(parts: MemberParts): Member {
  const { kafka, clock, groupId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = parts
  let ended = false
  let begun = false
  let aliveAt = clock.now()
  /** Fetches since the last heartbeat, and when the last one began or ended. */
  let fetches = 0
  let isFetching = false
  let fetchedAt = clock.now()

  /** kafkajs shows them to assigners only. */
  let connections: Connections | undefined

  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [
      ({ cluster }) => {
        connections = followConnections(cluster)
        // kafkajs keeps offsets by group for all consumers of one `Kafka`, and each that joins wipes out what the others know.
        if ('committedOffsetsByGroup' in cluster) cluster.committedOffsetsByGroup = new Map()
        return fairAssigner(cluster)
      },
    ],
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    heartbeatInterval: heartbeatMs(sessionTimeoutMs),
    maxWaitTimeInMs: 250,
    allowAutoTopicCreation: false,
    // An outage is ridden out by one member, however long: as a new one it would have to wait for the old one's session to end. Nor does it
    // restart by itself: a consumer that is disconnected while it restarts comes back to life.
    retry: { retries: 1_000_000, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: () => Promise.resolve(false) },
  })

  const on = (event: string, listener: (payload: Payload) => void): void => {
    consumer.on(event, ({ payload }) => {
      if (!ended) listener(payload as Payload)
    })
  }
  const alive = (): void => {
    fetches = 0
    aliveAt = clock.now()
  }
  on('consumer.heartbeat', alive)
  const fetching = (now: boolean): void => {
    isFetching = now
    fetchedAt = clock.now()
  }
  on('consumer.fetch_start', () => {
    fetches += 1
    fetching(true)
  })
  on('consumer.fetch', () => fetching(false))
  on('consumer.rebalancing', () => {
    fetching(false)
    parts.rejoining()
  })
  on('consumer.network.request', () => parts.answered())
  on('consumer.received_unsubscribed_topics', () => parts.missedTopics())
  on('consumer.group_join', ({ memberId = '', memberAssignment = {} }) => {
    begun = true
    alive()
    parts.joined(
      memberId,
      Object.entries(memberAssignment).flatMap(([topic, numbers]) => numbers.map((number) => ({ topic, number }))),
    )
  })
  on('consumer.commit_offsets', ({ topics: committed = [] }) =>
    parts.committed(
      committed.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => ({ topic, partition, offset: String(offset) })),
      ),
    ),
  )
  on('consumer.crash', ({ error }) => end(error))

  const end = (error: unknown): void => {
    begun = true
    if (ended) return
    ended = true
    parts.crashed(error)
  }

  const run = async (): Promise<void> => {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // All batches of a fetch are handed over at once: handing over waits at times, and must not do so one after the other.
      partitionsConsumedConcurrently: 100,
      async eachBatch(payload) {
        const { batch } = payload
        // The only way to end a consumer that came back to life after it was closed.
        if (ended) throw new TypeError('This consumer has been closed')
        const last = batch.messages.at(-1)
        if (last) await parts.eachBatch(batch, () => payload.resolveOffset(last.offset))
      },
    })
  }
  const started = run().catch(end)

  const quietly = (act: () => void): void => {
    try {
      if (begun && !ended) act()
    } catch {
      // It is not running: it fetches nothing, and its successor begins with a clean sheet.
    }
  }
  const asTopicPartitions = (partitions: readonly TopicPartition[]): TopicPartitions[] =>
    partitions.map(({ topic, number }) => ({ topic, partitions: [number] }))

  return {
    pause: (partitions) => quietly(() => consumer.pause(asTopicPartitions(partitions))),
    resume: (partitions) => quietly(() => consumer.resume(asTopicPartitions(partitions))),
    seek: (offset) => quietly(() => consumer.seek(offset)),
    commit: (offsets) => consumer.commitOffsets(offsets),
    stuck() {
      const now = clock.now()
      if (parts.isAway()) aliveAt = fetchedAt = now
      const silentMs = now - aliveAt
      if (silentMs > 2 * rebalanceTimeoutMs) return `no heartbeat got through for ${Math.round(silentMs)} ms`
      // kafkajs waits longer for an answer than the session lasts.
      if (isFetching && now - fetchedAt > sessionTimeoutMs) return `a fetch was not answered for ${Math.round(now - fetchedAt)} ms`
      // After a failed rejoin kafkajs goes on fetching without being a member, and without heartbeats.
      if (fetches > 20 && silentMs > 2 * sessionTimeoutMs) return `it fetches, but no heartbeat got through for ${Math.round(silentMs)} ms`
      return undefined
    },
    async close() {
      ended = true
      // Disconnected while it joins for the first time, it would come back to life.
      const closing = started
        .then(() => consumer.disconnect())
        .catch(() => undefined)
        .then(() => connections?.close())
      await within(clock, closingMs, closing)
    },
  }
}

/** How often a member says that it lives. Between two of them it may be silent: nothing to fetch, nothing assigned. */
export function heartbeatMs(sessionTimeoutMs: number): number {
  return Math.min(1_500, Math.floor(sessionTimeoutMs / 4))
}

/** What is looked at in the payloads of kafkajs's events. */
interface Payload {
  readonly memberId?: string
  readonly memberAssignment?: Readonly<Record<string, readonly number[]>>
  readonly topics?: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly offset: unknown }[]
  }[]
  readonly error?: unknown
}
