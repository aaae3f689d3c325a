import { copyHeaders, withoutMarks } from '../../../src/index.js'
import type { Clock, Marks, MessageHeaders } from '../../../src/index.js'
import type { StoredMessage } from './queue.js'

/** A message that was set aside for a person. */
export interface DeadLetter {
  readonly reason: string
  readonly scope: string
  /** The business key, where there was one. */
  readonly key: string | undefined
  /** Runs that failed by themselves. */
  readonly attempts: number
  /** As a broker on the network would keep them: the message's own, and our marks and the reason as `hapax-…`. */
  readonly headers: MessageHeaders
  readonly orderingKey: string | undefined
  readonly bytes: Uint8Array
  /** The bytes as UTF-8. */
  text(): string
  /** The bytes as JSON. Throws a `SyntaxError` where they are none. */
  json(): unknown
}

/** A dead letter beside what replaying it takes. */
export interface StoredDeadLetter {
  readonly letter: DeadLetter
  readonly marks: Marks
  readonly origin: { readonly destination: string; readonly position: string }
}

/** The dead letter as a message for the group's own retry path: marked as a replay, with nothing counted. */
export function replayOf({ letter, marks, origin }: StoredDeadLetter, position: string, clock: Clock): StoredMessage {
  const route = { origin, nowEpochMs: clock.epochMs(), sinceEpochMs: undefined }
  return {
    position,
    bytes: letter.bytes,
    headers: { ...withoutMarks(letter.headers), ...copyHeaders({ ...marks, attempts: 0, postponements: 0, replay: true }, route, 0) },
    orderingKey: letter.orderingKey,
  }
}
