/** The part of kafkajs that this adapter needs. A `Kafka` of kafkajs 2.2 fits. */
export interface KafkaClient {
  admin(config?: { readonly retry?: RetryConfig }): KafkaAdmin
  producer(config?: ProducerConfig): KafkaProducer
  consumer(config: ConsumerConfig): KafkaConsumer
}

export interface RetryConfig {
  readonly initialRetryTime?: number
  readonly maxRetryTime?: number
  readonly retries?: number
  readonly restartOnFailure?: (error: Error) => Promise<boolean>
}

export interface ProducerConfig {
  readonly allowAutoTopicCreation: boolean
  readonly retry: RetryConfig
  readonly createPartitioner?: KafkaPartitioner
}

/** Chooses the partition of a message, such as `Partitioners.LegacyPartitioner` of kafkajs. */
export type KafkaPartitioner = () => (args: PartitionerArgs) => number

/** As kafkajs hands them over; nothing of it is looked at here. */
export interface PartitionerArgs {
  topic: string
  partitionMetadata: {
    partitionErrorCode: number
    partitionId: number
    leader: number
    replicas: number[]
    isr: number[]
    offlineReplicas?: number[]
  }[]
  message: {
    key?: Buffer | string | null
    value: Buffer | string | null
    partition?: number
    headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>
    timestamp?: string
  }
}

export interface ConsumerConfig {
  readonly groupId: string
  readonly partitionAssigners: KafkaAssignerFactory[]
  readonly sessionTimeout: number
  readonly rebalanceTimeout: number
  readonly heartbeatInterval: number
  readonly maxWaitTimeInMs: number
  readonly allowAutoTopicCreation: boolean
  readonly retry: RetryConfig
}

/** What of a consumer's connections an assigner is given. */
export interface KafkaCluster {
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
  metadata(request: { topics: string[] }): Promise<{
    topicMetadata: { topic: string; partitionMetadata: { partitionId: number }[] }[]
  } | null>
  refreshMetadata(): Promise<void>
}

export type KafkaAssignerFactory = (config: { readonly cluster: KafkaCluster }) => KafkaAssigner

export interface KafkaAssigner {
  name: string
  version: number
  protocol(subscription: { topics: string[] }): { name: string; metadata: Buffer }
  assign(group: { members: { memberId: string; memberMetadata: Buffer }[]; topics: string[] }): Promise<Assigned[]>
}

export interface Assigned {
  memberId: string
  memberAssignment: Buffer
}

export interface KafkaConsumer {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(subscription: { readonly topics: string[]; readonly fromBeginning: boolean }): Promise<void>
  run(config: RunConfig): Promise<void>
  commitOffsets(offsets: PartitionOffset[]): Promise<void>
  seek(offset: PartitionOffset): void
  pause(partitions: TopicPartitions[]): void
  resume(partitions: TopicPartitions[]): void
  on(event: string, listener: (event: { readonly payload: unknown }) => void): unknown
}

export interface RunConfig {
  readonly autoCommit: boolean
  readonly eachBatchAutoResolve: boolean
  readonly partitionsConsumedConcurrently: number
  readonly eachBatch: (payload: { readonly batch: KafkaBatch; resolveOffset(offset: string): void }) => Promise<void>
}

export interface PartitionOffset {
  topic: string
  partition: number
  offset: string
}

export interface TopicPartitions {
  topic: string
  partitions: number[]
}

export interface KafkaBatch {
  readonly topic: string
  readonly partition: number
  readonly highWatermark: string
  readonly messages: readonly KafkaMessage[]
  lastOffset(): string
}

/** A header came more than once where its value is a list. */
export type KafkaHeader = Buffer | string | (Buffer | string)[] | null | undefined
export type KafkaHeaders = Readonly<Record<string, KafkaHeader>>

export interface KafkaMessage {
  readonly key: Buffer | null
  /** `null` is a tombstone. */
  readonly value: Buffer | null
  /** Milliseconds since 1970. */
  readonly timestamp: string
  readonly offset: string
  readonly headers?: KafkaHeaders
}

export interface KafkaProducer {
  connect(): Promise<void>
  disconnect(): Promise<void>
  sendBatch(batch: { acks: number; compression?: number; topicMessages: TopicMessages[] }): Promise<unknown>
  on(event: string, listener: () => void): unknown
}

export interface TopicMessages {
  topic: string
  messages: OutgoingMessage[]
}

export interface OutgoingMessage {
  key: Buffer | string | null
  value: Buffer | string | null
  headers: Record<string, Buffer | string | (Buffer | string)[]>
}

export interface KafkaAdmin {
  connect(): Promise<void>
  disconnect(): Promise<void>
  listTopics(): Promise<string[]>
  describeCluster(): Promise<unknown>
  createTopics(request: { readonly waitForLeaders: boolean; readonly topics: NewTopic[] }): Promise<boolean>
  fetchTopicMetadata(request: { topics: string[] }): Promise<{ topics: readonly TopicMetadata[] }>
  fetchOffsets(request: { readonly groupId: string; readonly topics: string[] }): Promise<readonly TopicOffsets[]>
  fetchTopicOffsets(topic: string): Promise<readonly { readonly partition: number; readonly low: string; readonly high: string }[]>
  describeConfigs(request: {
    readonly includeSynonyms: boolean
    readonly resources: { type: number; name: string; configNames: string[] }[]
  }): Promise<{ readonly resources: readonly TopicConfig[] }>
}

export interface NewTopic {
  topic: string
  numPartitions: number
  replicationFactor: number
  configEntries: { name: string; value: string }[]
}

export interface TopicMetadata {
  readonly name: string
  readonly partitions: readonly { readonly replicas: readonly number[] }[]
}

export interface TopicOffsets {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
}

export interface TopicConfig {
  readonly resourceName: string
  readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[]
}
