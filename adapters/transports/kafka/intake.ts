import { heartbeatMs } from './member.js'
import { readStarts, startSettler } from './starts.js'
import { dueAt, makeCopyDelivery, makeDelivery } from './deliveries.js'
import { listRetryTopics, prepareTopics } from './topics.js'
import { openDueTimes } from './due-times.js'
import { openLanes } from './lanes.js'
import { openPartition } from './partition.js'
import { openProducer } from './producer.js'
import { openReader } from './reader.js'
import { watchBroker } from './outage.js'
import { withAdmin } from './admin.js'
import type { Clock, Idempotent, Incoming, Intake, Settle } from '../../../src/index.js'
import type { DeliveryParts } from './deliveries.js'
import type { KafkaClient, KafkaPartitioner } from './client.js'
import type { Partition } from './partition.js'
import type { TopicNames } from './topic-names.js'

export interface IntakeParts<Message> {
  readonly kafka: KafkaClient
  readonly clock: Clock
  readonly names: TopicNames
  readonly handler: Idempotent<Message, unknown>
  readonly startFrom: 'earliest' | 'latest' | undefined
  readonly maxAhead: number
  readonly createTopics: boolean
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly publishTimeoutMs: number
  readonly createPartitioner: KafkaPartitioner | undefined
  readonly decode: (incoming: Incoming) => Message | Promise<Message>
  readonly settle: Settle<Message>
  readonly hasRoom: (wake: () => void) => boolean
  readonly hold: () => () => void
  readonly fail: (error: unknown) => void
  /** When it aborts, nobody waits for the group to be joined. */
  readonly signal: AbortSignal | undefined
}

/** How often it is looked for retry topics that others of the group have created, or that were deleted. */
const lookEveryMs = 60_000

/** All that a consumption needs of Kafka: one consumer for the topic, one for the group's retry topics, a producer, and an eye on the broker. */
export async function openIntake<Message>(parts: IntakeParts<Message>): Promise<Intake> {
  const { kafka, clock, names, handler, maxAhead, decode, settle, sessionTimeoutMs, rebalanceTimeoutMs } = parts
  const { topics, starts } = await withAdmin(kafka, clock, async (admin) => ({
    topics: await prepareTopics({
      admin,
      names,
      clock,
      createTopics: parts.createTopics,
      warn: (message, error) => handler.report({ kind: 'unchecked', message, error }),
    }),
    starts: await readStarts(admin, names, parts.startFrom),
  }))

  const watch = watchBroker({
    kafka,
    clock,
    // Who has nothing to fetch sends heartbeats only.
    silentMs: 1_000 + 2 * heartbeatMs(sessionTimeoutMs),
    hold: parts.hold,
    report: (trouble) => handler.report(trouble),
  })
  const producer = openProducer({
    kafka,
    clock,
    deadlineMs: parts.publishTimeoutMs,
    createPartitioner: parts.createPartitioner,
    compresses: true,
    onAway: watch.suspect,
    answered: watch.answered,
  })
  const deliveries: DeliveryParts<Message> = { names, scope: handler.scope, clock, publish: producer.publish, decode }
  const shared = {
    kafka,
    clock,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    fail: parts.fail,
    answered: watch.answered,
    isAway: () => watch.away,
  }
  const aheadParts = { clock, maxAhead, hasRoom: parts.hasRoom, longestLeadMs: handler.settings.windowMs / 2 }

  const main = openReader({
    ...shared,
    groupId: names.groupId,
    topics: [names.topic],
    openPartition: (topic, number) =>
      openPartition({
        ...aheadParts,
        topic,
        number,
        openLine: openLanes,
        deliver: (held, partition) => settle(makeDelivery(deliveries, held, partition)),
      }),
    settleStarts: startSettler(parts, starts),
    missedTopics: () => undefined,
  })
  const delayed = openReader({
    ...shared,
    groupId: names.delayGroupId,
    topics,
    openPartition: (topic, number): Partition =>
      openPartition({
        ...aheadParts,
        topic,
        number,
        openLine: (start) => openDueTimes(clock, (held) => dueAt(held, names.stepOf(topic) ?? 0, deliveries), start),
        deliver: (held, partition) => settle(makeCopyDelivery(deliveries, held, partition)),
      }),
    missedTopics: () => void look(),
    replaced: () => void look(),
  })

  let known: readonly string[] = topics
  const look = async (): Promise<void> => {
    const found = await readTopics(parts)
    if (found.length === 0 || (found.length === known.length && found.every((topic) => known.includes(topic)))) return
    known = found
    delayed.read(found)
  }
  let cancelLook: () => void
  const lookAgain = (): void => {
    cancelLook = clock.schedule(lookEveryMs, lookAgain)
    void look()
  }
  cancelLook = clock.schedule(lookEveryMs, lookAgain)

  const intake: Intake = {
    stop() {
      cancelLook()
      main.stop()
      delayed.stop()
    },
    async close() {
      cancelLook()
      await Promise.all([main.close(), delayed.close(), producer.close()])
      watch.close()
    },
  }
  try {
    await endedBy(Promise.all([producer.connect(), main.ready, delayed.ready]), parts.signal)
  } catch (error) {
    await intake.close()
    throw error
  }
  return intake
}

/** The promise, or as soon as the signal aborts. */
function endedBy(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      signal?.removeEventListener('abort', end)
      resolve()
    }
    if (signal?.aborted) end()
    signal?.addEventListener('abort', end)
    promise.then(end, reject)
  })
}

/**
 * The retry topics that are there now; none where they could not be listed. A step that another member of the group has must not wait until
 * that member leads, and one that was deleted keeps kafkajs from reading the others.
 */
async function readTopics({ kafka, clock, names }: Pick<IntakeParts<unknown>, 'kafka' | 'clock' | 'names'>): Promise<readonly string[]> {
  try {
    return await withAdmin(kafka, clock, (admin) => listRetryTopics(admin, names))
  } catch {
    return []
  }
}
