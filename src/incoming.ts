import { withoutMarks } from './marks.js'
import type { Incoming, MessageHeaders, Origin } from './delivery.js'

/** What a transport knows of a message that came. */
export interface IncomingParts {
  readonly bytes: Uint8Array
  /** All headers as text, ours included; asked for when somebody looks. */
  readonly headers: () => MessageHeaders
  readonly origin: Origin
  readonly orderingKey: string | undefined
}

/** A message as handlers see it: its bytes readable as text and JSON, its headers without our marks. Nothing is decoded before somebody looks. */
export function makeIncoming({ bytes, headers, origin, orderingKey }: IncomingParts): Incoming {
  let shown: MessageHeaders | undefined
  const text = (): string => readText(bytes)
  return {
    bytes,
    get headers() {
      return (shown ??= withoutMarks(headers()))
    },
    origin,
    orderingKey,
    text,
    json: () => JSON.parse(text()) as unknown,
  }
}

/** A byte order mark is part of the text that was sent. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Bytes as UTF-8, whatever they are: what is none becomes U+FFFD. */
export function readText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
