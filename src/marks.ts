import { encodeKey } from './key.js'
import { messageOf } from './errors.js'
import type { Marks, MessageHeaders } from './delivery.js'

/** Every header of ours begins with this; on a delivery whose marks are not believed they are dropped. */
export const headerPrefix = 'hapax-'

/** The id of an outgoing message travels here. */
export const idHeader = 'hapax-id'

/** Where and when a copy is to go, beside its marks. Times are milliseconds since 1970. */
export interface Route {
  /** The destination and position of the first delivery, not of an earlier copy. */
  readonly origin: { readonly destination: string; readonly position: string }
  readonly nowEpochMs: number
  /** When the message was first put off; undefined if this is the first time. */
  readonly sinceEpochMs: number | undefined
}

/** The headers of a copy that comes back after `delayMs`. */
export function copyHeaders(marks: Marks, route: Route, delayMs: number): MessageHeaders {
  return { ...markHeaders(marks, route), 'hapax-due': String(route.nowEpochMs + Math.ceil(delayMs)) }
}

/** The headers of a dead letter. The reason is shortened to what a header may hold, and kept on one line. */
export function deadLetterHeaders(marks: Marks, route: Route, reason: unknown): MessageHeaders {
  const text = messageOf(reason)
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .slice(0, 1_000)
    .toWellFormed()
  return { ...markHeaders(marks, route), 'hapax-reason': text, 'hapax-dead-lettered-at': String(route.nowEpochMs) }
}

function markHeaders(marks: Marks, route: Route): Record<string, string> {
  return {
    'hapax-scope': encodeKey(marks.scope),
    ...(marks.key !== undefined && { 'hapax-key': shortened(encodeKey(marks.key)) }),
    'hapax-attempts': String(marks.attempts),
    'hapax-postponements': String(marks.postponements),
    'hapax-since': String(route.sinceEpochMs ?? route.nowEpochMs),
    'hapax-origin': encodeKey(route.origin.destination),
    'hapax-position': encodeKey(route.origin.position),
    ...(marks.replay && { 'hapax-replay': 'true' }),
  }
}

/** What is believed of a copy's headers. */
export interface BelievedMarks {
  readonly attempts: number
  readonly postponements: number
  readonly replay: boolean
  readonly dueEpochMs: number | undefined
  readonly sinceEpochMs: number | undefined
  readonly position: string | undefined
}

/**
 * The marks that we wrote into a copy, or undefined where these headers are not to be believed. Call it only for a delivery that came through this
 * group's own retry destination; it then still has to name this handler's scope and this transport's origin.
 */
export function readMarks(
  headers: MessageHeaders,
  expected: { readonly scope: string; readonly origin: string },
): BelievedMarks | undefined {
  if (headers['hapax-scope'] !== encodeKey(expected.scope) || headers['hapax-origin'] !== encodeKey(expected.origin)) return undefined
  return {
    // As many digits as every store can keep, whoever wrote them.
    attempts: wholeNumber(headers['hapax-attempts'], 9) ?? 0,
    postponements: wholeNumber(headers['hapax-postponements'], 9) ?? 0,
    replay: headers['hapax-replay'] === 'true',
    dueEpochMs: wholeNumber(headers['hapax-due']),
    sinceEpochMs: wholeNumber(headers['hapax-since']),
    position: readPosition(headers['hapax-position']),
  }
}

/** The id of the message may stay on a copy, as `key` can depend on it; the marks may not. */
export function isMark(header: string): boolean {
  return header.startsWith(headerPrefix) && header !== idHeader
}

/** Headers without any marks: what a handler sees, and what a copy is made from. */
export function withoutMarks(headers: MessageHeaders): MessageHeaders {
  const names = Object.keys(headers)
  if (!names.some(isMark)) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isMark(name)))
}

function wholeNumber(text: string | undefined, digits = 15): number | undefined {
  if (text === undefined || text.length > digits || !/^\d+$/.test(text)) return undefined
  return Number(text)
}

/** What a person needs of a text that is longer than any header should be, or a copy could be larger than the broker takes. */
const longest = 1_000

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}...` : text
}

/** It is written into each copy again: it must not grow. */
function readPosition(text: string | undefined): string | undefined {
  return text && text.length <= longest && encodeKey(text) === text ? text : undefined
}
