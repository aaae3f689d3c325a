import { headerPrefix, isMark } from '../../../src/index.js'
import type { MessageHeaders } from '../../../src/index.js'
import type { AmqpHeaders } from './client.js'

/** Numbers what one channel has published, so that a message that comes back unrouted is known again. A mark, and so never shown nor copied. */
export const publishHeader: string = `${headerPrefix}publish`
/** RabbitMQ knows no ordering key; it travels here. A consistent-hash exchange can go by it. */
export const orderingKeyHeader: string = `${headerPrefix}ordering-key`
/** Where the first delivery was published to: a copy comes through the default exchange. */
export const exchangeHeader: string = `${headerPrefix}exchange`
export const routingKeyHeader: string = `${headerPrefix}routing-key`
/** The user of the first message: RabbitMQ takes no message in the name of another user. */
export const userHeader: string = `${headerPrefix}user`

/** What the broker, or a plugin, writes or acts on: with it a copy would go elsewhere as well, or be swallowed as a duplicate. */
const ofTheBroker =
  /^(CC|BCC|x-death|x-(first|last)-death-(queue|reason|exchange)|x-delivery-count|x-acquired-count|x-deduplication-header)$/

/** amqplib writes tables into 64 KiB, and one header is still to come. */
export const mostTableBytes: number = 64_000
const longestName = 255
const deepest = 32

/** Headers as text: what is no text as JSON, bytes as UTF-8, a timestamp as its number. */
export function textHeaders(headers: AmqpHeaders | undefined): MessageHeaders {
  if (!headers || Object.keys(headers).length === 0) return {}
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, asText(value)]))
}

/** Where a copy says that its message was published to, or by whom; undefined where that can be none, as AMQP has no longer names. */
export function readName(headers: MessageHeaders, name: string): string | undefined {
  const value = headers[name]
  return value !== undefined && value.length <= longestName ? value : undefined
}

/** Without what the way back through a delay queue has added. */
export function withoutDeaths(headers: MessageHeaders): MessageHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-') || !ofTheBroker.test(name)))
}

/** The headers of a copy: as they came, each with its type, except for marks and what is the broker's; and the marks of this copy. */
export function copiedHeaders(headers: AmqpHeaders | undefined, marks: MessageHeaders): Record<string, unknown> {
  let left = mostTableBytes - tableBytes(marks)
  const kept = Object.entries(headers ?? {})
    .filter(([name]) => (!isMark(name) || name === orderingKeyHeader) && !ofTheBroker.test(name) && Buffer.byteLength(name) <= longestName)
    .map(([name, value]) => ({ name, written: writable(value, 0) }))
    .filter(({ written }) => written !== undefined)
    .map(({ name, written }) => ({ name, written, size: Buffer.byteLength(name) + tableBytes(written) }))
  // The largest are left out if they do not all fit.
  const fitting = new Set(
    kept
      .toSorted((one, other) => one.size - other.size)
      .filter(({ size }) => (left -= size) >= 0)
      .map(({ name }) => name),
  )
  return Object.fromEntries([
    ...kept.filter(({ name }) => fitting.has(name)).map(({ name, written }) => [name, written]),
    ...Object.entries(marks),
  ]) as Record<string, unknown>
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (Buffer.isBuffer(value)) return value.toString()
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') return ''
  if (isTyped(value, 'timestamp')) return String(value.value)
  try {
    return JSON.stringify(value, (_, each: unknown) => (isBytesJson(each) ? Buffer.from(each.data).toString() : each))
  } catch {
    // Nested more deeply than can be written.
    return ''
  }
}

/** What `JSON.stringify` has made of bytes by the time it asks. */
function isBytesJson(value: unknown): value is { readonly data: readonly number[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value &&
    Array.isArray(value.data)
  )
}

interface Typed {
  readonly value: unknown
}

function isTyped(value: object, type: string): value is Typed {
  return Object.hasOwn(value, '!') && '!' in value && value['!'] === type && 'value' in value
}

/** The value as amqplib can write it; undefined where it cannot. It reads more than it writes. */
function writable(value: unknown, depth: number): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null || Buffer.isBuffer(value)) return value
  // RabbitMQ itself has no such numbers as NaN.
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : { '!': 'double', value }
  if (typeof value !== 'object' || depth > deepest) return undefined
  if (Array.isArray(value)) return value.map((each: unknown) => writable(each, depth + 1) ?? null)
  if (isTyped(value, 'timestamp')) return isWholeNumber(value.value, Number.MAX_SAFE_INTEGER) ? value : undefined
  if (isTyped(value, 'decimal')) return isDecimal(value.value) ? value : undefined
  // Some table of a stranger's with a `!` in it, which amqplib would take for its own notation.
  if (Object.hasOwn(value, '!')) return undefined
  const entries = Object.entries(value).filter(([name]) => Buffer.byteLength(name) <= longestName)
  return Object.fromEntries(entries.map(([name, each]) => [name, writable(each, depth + 1)]))
}

/** A stranger's table may look like amqplib's notation, and hold anything. */
function isDecimal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { places, digits } = value as Record<string, unknown>
  return (
    Object.hasOwn(value, 'places') && Object.hasOwn(value, 'digits') && isWholeNumber(places, 255) && isWholeNumber(digits, 2 ** 32 - 1)
  )
}

function isWholeNumber(value: unknown, most: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most
}

/** At least what it takes on the wire. */
export function tableBytes(value: unknown): number {
  if (typeof value === 'string') return 8 + Buffer.byteLength(value)
  if (Buffer.isBuffer(value)) return 8 + value.length
  if (typeof value !== 'object' || value === null) return 16
  if (Array.isArray(value)) return value.reduce((sum: number, each: unknown) => sum + tableBytes(each), 16)
  return Object.entries(value).reduce((sum, [name, each]) => sum + 8 + Buffer.byteLength(name) + tableBytes(each), 16)
}
