import { headerPrefix, isMark } from '../../../src/index.js'
import type { MessageHeaders } from '../../../src/index.js'
import type { KafkaHeader, KafkaHeaders, OutgoingMessage } from './client.js'

/**
 * When the first message was written, in milliseconds since 1970. Copies and dead letters carry the broker's current time as their own timestamp:
 * with the old one, the retention of their topic could delete them at once.
 */
export const timestampHeader: string = `${headerPrefix}timestamp`

/** When a copy says that its message was written; undefined where that is no time. */
export function readTimestamp(headers: MessageHeaders): string | undefined {
  const text = headers[timestampHeader]
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? text : undefined
}

/** Headers as text; where one came more than once, the first. */
export function textHeaders(headers: KafkaHeaders | undefined): MessageHeaders {
  if (!headers || Object.keys(headers).length === 0) return {}
  const text: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    const first = valuesOf(value)[0]
    if (first !== undefined) text.push([name, first?.toString() ?? ''])
  }
  return Object.fromEntries(text)
}

/** The headers of a copy: as they came, byte for byte and however often, except for marks; and the marks of this copy. */
export function copiedHeaders(headers: KafkaHeaders | undefined, marks: MessageHeaders): OutgoingMessage['headers'] {
  const kept = Object.entries(headers ?? {})
    .filter(([name]) => !isMark(name))
    // kafkajs reads `null`, and fails to write it.
    .map(([name, value]): [string, (Buffer | string)[]] => [name, valuesOf(value).map((each) => each ?? '')])
  return Object.fromEntries<(Buffer | string)[] | string>([...kept, ...Object.entries(marks)])
}

/** kafkajs takes what every object inherits for an earlier header of that name: `constructor` comes as a list with a function in front. */
function valuesOf(value: KafkaHeader): readonly (Buffer | string | null)[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string' || Buffer.isBuffer(each) || each === null) : [value]
}
