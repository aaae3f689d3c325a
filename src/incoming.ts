import { withoutMarks } from './marks.js'
import type { Incoming, MessageHeaders, Origin } from './delivery.js'

/** What a transport knows of a message that came. */
export interface IncomingParts {
  readonly bytes: Uint8Array
  /** All headers as text, ours included. */
  readonly headers: () => MessageHeaders
  readonly origin: Origin
  readonly orderingKey: string | undefined
}

/** A message as handlers see it: its bytes readable as text and JSON, its headers without our marks. The bytes are decoded when somebody asks. */
export function makeIncoming({ bytes, headers, origin, orderingKey }: IncomingParts): Incoming {
  const text = (): string => readText(bytes)
  // Plain properties: to make an accessor for each message takes longer than to read its headers, which every key and handler is handed.
  return { bytes, headers: withoutMarks(headers()), origin, orderingKey, text, json: () => JSON.parse(text()) as unknown }
}

/** A byte order mark is part of the text that was sent. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Bytes as UTF-8, whatever they are: what is none becomes U+FFFD. */
export function readText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
