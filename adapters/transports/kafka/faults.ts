/** What kafkajs says of an error, from it and its causes: its own names for errors of connections lie. */
function* causesOf(error: unknown): Generator<{ readonly name?: unknown; readonly type?: unknown; readonly retriable?: unknown }> {
  for (let cause = error, depth = 0; typeof cause === 'object' && cause !== null && depth < 10; depth += 1) {
    yield cause
    cause = 'cause' in cause ? cause.cause : undefined
  }
}

/** What is at fault when publishing failed: a message that the broker refuses or that cannot be written, its topic, or perhaps only the connection. */
export function faultOf(error: unknown): 'message' | 'topic' | 'connection' {
  for (const { name, retriable } of causesOf(error)) {
    if (name === 'TypeError' || name === 'RangeError') return 'message'
    if (name === 'KafkaJSProtocolError') return retriable === true ? 'topic' : 'message'
  }
  return 'connection'
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
  for (const { name, type } of causesOf(error)) if (hopeless.has(type) || name === 'KafkaJSSASLAuthenticationError') return true
  return false
}
