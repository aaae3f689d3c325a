import { openCommits } from './commits.js'
import { explainHopeless, isHopeless } from './faults.js'
import { openMember } from './member.js'
import { within } from '../../../src/index.js'
import type { KafkaBatch, KafkaClient, PartitionOffset } from './client.js'
import type { Clock } from '../../../src/index.js'
import type { Member, TopicPartition } from './member.js'
import type { Partition } from './partition.js'

/** Reads topics as a member of a group, for as long as it takes: replaces consumers that end, hands out what they fetch, commits what is done. */
export interface Reader {
  /** Resolves once the group was joined and messages can arrive. Rejects with what ended the first consumer. */
  readonly ready: Promise<void>
  /** From now on other topics are read. */
  read(topics: readonly string[]): void
  /** Nothing more starts. What runs can be settled, and the partitions stay ours. */
  stop(): void
  /** Commits a last time and leaves the group. */
  close(): Promise<void>
}

export interface ReaderParts {
  readonly kafka: KafkaClient
  readonly clock: Clock
  readonly groupId: string
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly openPartition: (topic: string, number: number) => Partition
  /** Makes sure that the group has an offset in these partitions before anything of them is handled; what it answers is where to begin instead. */
  readonly settleStarts?: (
    partitions: readonly TopicPartition[],
    commit: (offsets: PartitionOffset[]) => Promise<void>,
    isStillOurs: (partition: TopicPartition) => boolean,
  ) => Promise<readonly PartitionOffset[]>
  readonly missedTopics: () => void
  /** A consumer ended and another one will begin: perhaps because one of the topics is gone. */
  readonly replaced?: () => void
  readonly answered: () => void
  readonly isAway: () => boolean
  readonly fail: (error: unknown) => void
}

const everyMs = 1_000
/** How often the first consumer may fail for what may pass, such as a coordinator that is still loading. */
const mostFirstFailures = 3
/**
 * How long handing over a batch waits for room before its partition is paused, and how often while all others have enough to do. Nothing is
 * fetched meanwhile; but kafkajs looks at a resumed partition only when its next fetch, or its pause in place of one, is over.
 */
const roomMs = 250
const mostWaits = 4

const nameOf = ({ topic, number }: TopicPartition): string => `${topic}/${number}`

export function openReader(parts: ReaderParts): Reader {
  const { kafka, clock, groupId, sessionTimeoutMs, rebalanceTimeoutMs, isAway } = parts
  let { topics } = parts
  let partitions = new Map<string, Partition>()
  /** Partitions whose beginning is not settled yet. */
  const unsettled = new Set<Partition>()
  let member: Member | undefined
  let memberId = ''
  const commits = openCommits(clock, () => partitions.values())
  let leaving: Promise<void> | undefined
  let failures = 0
  let stopped = false
  let closed = false
  let cancelBegin: () => void = () => undefined
  let resolveReady: () => void = () => undefined
  let rejectReady: (error: unknown) => void = () => undefined
  let isReady = false
  const ready = new Promise<void>((resolve, reject) => {
    resolveReady = resolve
    rejectReady = reject
  })
  ready.catch(() => undefined)

  const loseAll = (): void => {
    for (const partition of partitions.values()) partition.lose()
    partitions = new Map()
    unsettled.clear()
  }

  const openFresh = (where: TopicPartition): Partition => {
    const partition = parts.openPartition(where.topic, where.number)
    if (stopped) partition.stop()
    return partition
  }

  const begin = (): void => {
    if (closed) return
    const current: Member = openMember({
      kafka,
      clock,
      groupId,
      topics,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      answered: parts.answered,
      isAway,
      missedTopics: parts.missedTopics,
      rejoining: () => commits.now(current),
      joined: (id, assigned) => joined(current, id, assigned),
      committed(offsets) {
        for (const { topic, partition: number, offset } of offsets) {
          const partition = partitions.get(nameOf({ topic, number }))
          if (partition) partition.committed = BigInt(offset)
        }
      },
      crashed: (error) => replace(current, error),
      eachBatch: (batch, resolve) => takeBatch(current, batch, resolve),
    })
    member = current
  }

  const joined = (current: Member, id: string, assigned: readonly TopicPartition[]): void => {
    failures = 0
    // As another member we come from nowhere: others may have had these partitions in the meantime.
    if (id !== memberId) loseAll()
    memberId = id
    const before = partitions
    partitions = new Map()
    const fresh: Partition[] = []
    for (const where of assigned) {
      const name = nameOf(where)
      const kept = before.get(name)
      before.delete(name)
      if (kept) kept.rejoined()
      else fresh.push(openFresh(where))
      partitions.set(name, kept ?? (fresh.at(-1) as Partition))
    }
    for (const gone of before.values()) {
      gone.lose()
      unsettled.delete(gone)
    }
    // Whether a partition is paused outlives its being taken away.
    current.resume(fresh)
    if (stopped) current.pause([...partitions.values()])
    else void settleStarts(current, fresh)
  }

  const settleStarts = async (current: Member, fresh: readonly Partition[]): Promise<void> => {
    if (parts.settleStarts && fresh.length > 0) {
      for (const partition of fresh) unsettled.add(partition)
      current.pause(fresh)
      const isOurs = (partition: Partition): boolean => member === current && !partition.lost
      const starts = await parts.settleStarts(
        fresh,
        (offsets) => current.commit(offsets),
        (where) => fresh.some((partition) => nameOf(partition) === nameOf(where) && isOurs(partition)),
      )
      const settled = fresh.filter((partition) => isOurs(partition))
      for (const partition of settled) {
        unsettled.delete(partition)
        const start = starts.find((each) => each.topic === partition.topic && each.partition === partition.number)
        if (start) current.seek(start)
      }
      if (!stopped) current.resume(settled)
      if (unsettled.size > 0) return
    }
    isReady = true
    resolveReady()
  }

  const takeBatch = async (current: Member, batch: KafkaBatch, resolve: () => void): Promise<void> => {
    const where = { topic: batch.topic, number: batch.partition }
    let partition = partitions.get(nameOf(where))
    if (!partition || stopped || unsettled.has(partition)) return current.pause([where])
    if (!partition.take(batch)) {
      partition.lose()
      partition = openFresh(where)
      partitions.set(nameOf(where), partition)
      partition.take(batch)
    }
    resolve()
    for (let waits = 0; waits < mostWaits; waits += 1) {
      if (!partition.full) return
      await within(clock, roomMs, partition.room())
      if ([...partitions.values()].some(({ hungry }) => hungry)) break
    }
    if (!partition.full) return
    current.pause([where])
    void partition.room().then(() => {
      if (!stopped && member === current && !partition.lost) current.resume([where])
    })
  }

  const replace = (current: Member, error: unknown): void => {
    if (member !== current) return
    member = undefined
    loseAll()
    void current.close()
    failures += 1
    if (!isReady && (isHopeless(error) || failures > mostFirstFailures)) return rejectReady(explainHopeless(error))
    if (isHopeless(error)) return parts.fail(explainHopeless(error))
    parts.replaced?.()
    cancelBegin = clock.schedule(Math.min(5_000, 500 * 2 ** Math.min(failures, 10)), begin)
  }

  let cancelTick: () => void
  const tick = (): void => {
    cancelTick = clock.schedule(everyMs, tick)
    if (!member) return
    commits.now(member)
    const stuck = member.stuck()
    if (stuck !== undefined) replace(member, new Error(`The consumer of the group ${groupId} got stuck: ${stuck}`))
  }
  cancelTick = clock.schedule(everyMs, tick)
  begin()

  return {
    ready,
    read(next) {
      topics = next
      const current = member
      if (!current || stopped) return
      member = undefined
      leaving = leave(current).then(begin)
    },
    stop() {
      stopped = true
      for (const partition of partitions.values()) partition.stop()
      member?.pause([...partitions.values()])
    },
    async close() {
      stopped = true
      closed = true
      cancelTick()
      cancelBegin()
      const current = member
      member = undefined
      if (current) await leave(current)
      await leaving
      loseAll()
    },
  }

  /** It commits and leaves, so that others need not wait for its session to end. */
  async function leave(current: Member): Promise<void> {
    await commits.last(current)
    loseAll()
    await current.close()
  }
}
