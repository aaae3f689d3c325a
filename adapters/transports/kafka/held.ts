import type { KafkaMessage } from './client.js'
import type { Tracked } from './watermark.js'

/** A message of one partition in hand: taken, and not yet left behind by the watermark. */
export interface Held extends Tracked {
  readonly message: KafkaMessage
  /** On the clock's own scale, as are all times here. */
  readonly takenAt: number
  startedAt: number | undefined
  /** It was settled by nobody, and is begun again. */
  again: boolean
  lane: string | undefined
  /** The next one in its lane. */
  behind: Held | undefined
  /** What it was handed over as last, to be told when the partition is taken away. */
  delivery: { takenAway: boolean } | undefined
}

/** Decides when a held message may start: after the one before it in its lane, or when it is due. */
export interface Line {
  /** May call `start` at once. */
  add(held: Held): void
  over(held: Held): void
  close(): void
}
