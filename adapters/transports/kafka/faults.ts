import { ConfigurationError, PublishRefusedError, messageOf } from '../../../src/index.js'

/** What kafkajs says of an error, from it and its causes: its own names for errors of connections lie. */
function* causesOf(error: unknown): Generator<{ readonly name?: unknown; readonly type?: unknown; readonly retriable?: unknown }> {
  for (let cause = error, depth = 0; typeof cause === 'object' && cause !== null && depth < 10; depth += 1) {
    yield cause
    cause = 'cause' in cause ? cause.cause : undefined
  }
}

/** The topic is not there, or not for this client. */
const noSuchTopic = new Set<unknown>(['INVALID_TOPIC_EXCEPTION', 'TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION'])
/** The message will never be taken as it is. */
const noSuchMessage = new Set<unknown>(['INVALID_RECORD', 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

/**
 * What is at fault when publishing failed: a message that the broker refuses or that cannot be written, a topic, perhaps another one that the same
 * producer has published to, or perhaps only the connection.
 */
export function faultOf(error: unknown): 'message' | 'topic' | 'connection' {
  for (const { name, type, retriable } of causesOf(error)) {
    if (name === 'TypeError' || name === 'RangeError') return 'message'
    if (name === 'KafkaJSProtocolError') return retriable === true || noSuchTopic.has(type) ? 'topic' : 'message'
  }
  return 'connection'
}

/** A topic that is not there, or not for this client: the one that is published to, or another one that the same producer has published to. */
export function isNoSuchTopic(error: unknown): boolean {
  for (const { type } of causesOf(error)) if (noSuchTopic.has(type)) return true
  return false
}

/**
 * The error as callers are told it, for a message that was sent alone, or for topics that a fresh producer was refused: what was taken from others
 * would be put down to it. A fault that may pass stays what it is, and so does one of kafkajs's own, which no message is to blame for.
 */
export function asRefusal(error: unknown): unknown {
  for (const cause of causesOf(error)) {
    const isArgument = cause.name === 'TypeError' && 'code' in cause && cause.code === 'ERR_INVALID_ARG_TYPE'
    if (isArgument || noSuchTopic.has(cause.type) || noSuchMessage.has(cause.type))
      return new PublishRefusedError(`Kafka will never take this message as it is: ${messageOf(error)}`, { cause: error })
  }
  return error
}

const hopeless = new Set<unknown>([
  'CLUSTER_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
  'SASL_AUTHENTICATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
])

/** No new consumer will get on where this one ended. */
export function isHopeless(error: unknown): boolean {
  if (lacksCodec(error)) return true
  for (const { name, type } of causesOf(error)) if (hopeless.has(type) || name === 'KafkaJSSASLAuthenticationError') return true
  return false
}

function lacksCodec(error: unknown): boolean {
  for (const { name } of causesOf(error)) if (name === 'KafkaJSNotImplemented') return true
  return false
}

/** The same error, or what is to be done about it. */
export function explainHopeless(error: unknown): unknown {
  if (!lacksCodec(error)) return error
  return new ConfigurationError(
    'kafka',
    `kafka cannot read the next messages, which were published compressed (${messageOf(error)}); hand kafkajs a codec for them (its CompressionCodecs)`,
    { cause: error },
  )
}
