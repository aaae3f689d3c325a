import { readText } from '../../../src/index.js'

/** What is said of bytes, wherever they are shown. */
export interface Readable {
  readonly bytes: Uint8Array
  text(): string
  json(): unknown
}

/** A copy of the bytes, as whoever is given a dead letter may write into it. */
export function readable(stored: Uint8Array): Readable {
  const bytes = stored.slice()
  const text = (): string => readText(bytes)
  return { bytes, text, json: () => JSON.parse(text()) as unknown }
}

/** Bytes of the broker's own, made from what was handed in. */
export function toBytes(body: Uint8Array | string): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : Uint8Array.from(body)
}
