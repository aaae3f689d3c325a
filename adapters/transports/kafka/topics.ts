import { ConfigurationError, sleep } from '../../../src/index.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaAdmin, TopicMetadata } from './client.js'
import type { TopicNames } from './topic-names.js'

export interface TopicsParts {
  readonly admin: KafkaAdmin
  readonly names: TopicNames
  readonly clock: Clock
  readonly createTopics: boolean
  /** Told what could not be looked at. */
  readonly warn: (message: string, error: unknown) => void
}

/** kafkajs's number for a topic among the resources with a configuration. */
const topicResource = 2
const configNames = ['cleanup.policy', 'max.message.bytes', 'retention.ms']
/** Room for the marks in the headers of a copy. */
const marksBytes = 16_384
const weekMs = 7 * 86_400_000
const visibleWithinMs = 10_000

/** Sees to it that the topic and the group's own topics are there and keep what is put into them. Answers the retry topics to read: also those of steps that are configured no longer. */
export async function prepareTopics(parts: TopicsParts): Promise<string[]> {
  const { admin, names, createTopics } = parts
  const existing = new Set(await admin.listTopics())
  if (!existing.has(names.topic)) {
    throw new ConfigurationError(
      'topic',
      `The topic ${names.topic} (option topic) does not exist, or must not be read by this client; create it first`,
    )
  }
  const configured = [...names.retries.map(({ topic }) => topic), names.deadLetter]
  const missing = configured.filter((name) => !existing.has(name))
  if (missing.length > 0 && !createTopics) throw missingError(missing, 'createTopics is false')
  const configs = await readConfigs(parts, [names.topic, ...configured.filter((name) => existing.has(name))])
  if (missing.length > 0) await create(parts, missing, configs)
  refuseLossy(parts, configs)
  return [...new Set([...existing, ...configured])].filter((name) => names.stepOf(name) !== undefined)
}

/** The retry topics of the group that are there now. */
export async function listRetryTopics(admin: KafkaAdmin, names: TopicNames): Promise<string[]> {
  return (await admin.listTopics()).filter((name) => names.stepOf(name) !== undefined)
}

function missingError(missing: readonly string[], reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'createTopics',
    `These topics do not exist, and ${reason}: ${missing.join(', ')}. Create them, with cleanup.policy=delete and as many partitions as the topic has`,
    { cause },
  )
}

async function create({ admin, names, clock }: TopicsParts, missing: readonly string[], configs: Configs): Promise<void> {
  const [main] = (await admin.fetchTopicMetadata({ topics: [names.topic] })).topics
  const largest = Number(configs.get(names.topic)?.get('max.message.bytes'))
  const entries = (name: string): Record<string, string> => {
    const stepMs = names.stepOf(name)
    return {
      'cleanup.policy': 'delete',
      // By the broker's clock: a client whose clock is wrong must not have its copies refused or deleted.
      'message.timestamp.type': 'LogAppendTime',
      ...(largest > 0 && { 'max.message.bytes': String(largest + marksBytes) }),
      // Dead letters wait for a person, however long that takes.
      'retention.ms': stepMs === undefined ? '-1' : String(Math.max(weekMs, 10 * stepMs)),
    }
  }
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({
        topic,
        numPartitions: main?.partitions.length ?? 1,
        replicationFactor: replicasOf(main),
        configEntries: Object.entries(entries(topic)).map(([name, value]) => ({ name, value })),
      })),
    })
  } catch (error) {
    // Another worker may have created some of them in the meantime.
    if (!(await areThere(admin, clock, missing))) throw missingError(missing, 'creating them failed (see the cause)', error)
  }
  if (!(await areThere(admin, clock, missing)))
    throw missingError(missing, `they cannot be seen ${visibleWithinMs} ms after they were created`)
}

async function areThere(admin: KafkaAdmin, clock: Clock, names: readonly string[]): Promise<boolean> {
  const begun = clock.now()
  for (;;) {
    const existing = new Set(await admin.listTopics())
    if (names.every((name) => existing.has(name))) return true
    if (clock.now() - begun > visibleWithinMs) return false
    await sleep(clock, 100)
  }
}

function replicasOf(topic: TopicMetadata | undefined): number {
  return topic?.partitions[0]?.replicas.length ?? -1
}

type Configs = ReadonlyMap<string, ReadonlyMap<string, string>>

async function readConfigs({ admin, warn }: TopicsParts, topics: readonly string[]): Promise<Configs> {
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({ type: topicResource, name, configNames })),
    })
    return new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    )
  } catch (error) {
    warn('The configuration of the topics could not be read: whether they keep copies and dead letters long enough was not checked.', error)
    return new Map()
  }
}

/** Only topics that were there before: those that are created here are right. */
function refuseLossy({ names }: TopicsParts, configs: Configs): void {
  const mainBytes = Number(configs.get(names.topic)?.get('max.message.bytes'))
  for (const [topic, config] of configs) {
    if (topic === names.topic) continue
    const option = topic === names.deadLetter ? 'deadLetterTopic' : 'delayStepsMs'
    const retentionMs = Number(config.get('retention.ms') ?? -1)
    const stepMs = names.stepOf(topic) ?? 0
    if (retentionMs >= 0 && retentionMs < stepMs) {
      throw new ConfigurationError(
        option,
        `The topic ${topic} keeps messages for retention.ms=${retentionMs}, and copies wait there for ${stepMs} ms: set at least ${10 * stepMs}`,
      )
    }
    const policy = config.get('cleanup.policy') ?? 'delete'
    if (policy.includes('compact')) {
      throw new ConfigurationError(
        option,
        `The topic ${topic} has cleanup.policy=${policy}, which drops all but the last message of a key: set cleanup.policy=delete`,
      )
    }
    const bytes = Number(config.get('max.message.bytes'))
    if (bytes < mainBytes) {
      throw new ConfigurationError(
        option,
        `The topic ${topic} takes messages of max.message.bytes=${bytes}, and ${names.topic} has up to ${mainBytes}, which could then not be put there: set ${mainBytes + marksBytes}`,
      )
    }
  }
}
