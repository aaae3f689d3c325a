import { openWatermark } from './watermark.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaBatch } from './client.js'
import type { Held, Line } from './held.js'

/** A partition as long as it is ours: what was fetched from it, what of that runs, and what may be committed. */
export interface Partition {
  readonly topic: string
  readonly number: number
  /** Aborts when it is taken away or intake stops: what has not started by then is not to start. */
  readonly signal: AbortSignal
  /** It was taken away: settling does nothing any more. */
  readonly lost: boolean
  /** The first offset that surely came to nobody before; undefined while that is not known. */
  readonly freshFrom: bigint | undefined
  /** The offset to commit, if there is one. */
  readonly position: bigint | undefined
  /** What the broker confirmed last. */
  committed: bigint | undefined
  /** So much is waiting that nothing more should be fetched. */
  readonly full: boolean
  /** Nothing is waiting: what is fetched next can start at once. */
  readonly hungry: boolean
  /** Resolves once it is not full, or is over. */
  room(): Promise<void>
  /** Takes what is new in a batch. False, with nothing taken, where the log went back behind what came already: the topic was made anew. */
  take(batch: KafkaBatch): boolean
  /** The group was joined again and this partition stayed ours: what was committed last is fetched again, and more. */
  rejoined(): void
  done(held: Held): void
  /** Nothing more starts; what runs can be settled. */
  stop(): void
  lose(): void
}

export interface PartitionParts {
  readonly topic: string
  readonly number: number
  readonly clock: Clock
  /** How many messages may be started past the oldest unfinished one. */
  readonly maxAhead: number
  /** How long the oldest may be unfinished while others are started past it, in milliseconds. */
  readonly longestLeadMs: number
  /** Whether another one should be started, or too many wait for a handler. `wake` is then called once when that may have changed. */
  readonly hasRoom: (wake: () => void) => boolean
  readonly openLine: (start: (held: Held) => void) => Line
  /** Hands it over; resolves when that has ended, settled or not. */
  readonly deliver: (held: Held, partition: Partition) => Promise<unknown>
}

/** Waiting messages may hold this much memory, about. */
const fullBytes = 8 * 1024 * 1024
/** A message that was handed over and settled by nobody is begun again after this. */
const againMs = 1_000

export function openPartition({ topic, number, clock, maxAhead, longestLeadMs, hasRoom, openLine, deliver }: PartitionParts): Partition {
  const watermark = openWatermark<Held>()
  /** Held up because the oldest is unfinished for too long. */
  const heldUp = new Set<Held>()
  const timers = new Set<() => void>()
  let admitted = 0
  let waitingBytes = 0
  let freshFrom: bigint | undefined
  let lowest = 0n
  let over = false
  let lost = false
  let waitsForRoom = false
  let roomMade: (() => void) | undefined
  // One signal for all messages, as making signals is slow: to be listened to by `onAbort`, which costs it one listener.
  const stopping = new AbortController()

  const start = (held: Held): void => {
    if (over) return
    const now = clock.now()
    const { oldest } = watermark
    if (oldest && oldest !== held && now - (oldest.startedAt ?? oldest.takenAt) > longestLeadMs) {
      heldUp.add(held)
      return
    }
    held.startedAt ??= now
    const end = (): void => ended(held)
    try {
      deliver(held, partition).then(end, end)
    } catch {
      end()
    }
  }
  const line = openLine(start)

  const ended = (held: Held): void => {
    if (held.done) {
      line.over(held)
      proceed()
    } else if (!over) {
      // The broker would not bring it again while the partition stays ours.
      const cancel = clock.schedule(againMs, () => {
        timers.delete(cancel)
        held.again = true
        start(held)
      })
      timers.add(cancel)
    }
  }

  const proceed = (): void => {
    watermark.advance()
    while (!over && !waitsForRoom && admitted < watermark.end && admitted - watermark.begin < maxAhead) {
      waitsForRoom = !hasRoom(proceedAgain)
      if (waitsForRoom) break
      const held = watermark.at(admitted)
      admitted += 1
      if (!held) continue
      waitingBytes -= sizeOf(held)
      line.add(held)
    }
    if (heldUp.size > 0) {
      const again = [...heldUp]
      heldUp.clear()
      for (const held of again) start(held)
    }
    if (roomMade && !isFull()) roomMade()
  }

  const proceedAgain = (): void => {
    waitsForRoom = false
    proceed()
  }

  const isFull = (): boolean => !over && (watermark.end - admitted > maxAhead || waitingBytes > fullBytes)

  const stop = (): void => {
    if (over) return
    over = true
    stopping.abort()
    line.close()
    for (const cancel of timers) cancel()
    timers.clear()
    heldUp.clear()
    roomMade?.()
  }

  const partition: Partition = {
    topic,
    number,
    signal: stopping.signal,
    committed: undefined,
    get lost() {
      return lost
    },
    get freshFrom() {
      return freshFrom
    },
    get position() {
      return watermark.position
    },
    get full() {
      return isFull()
    },
    get hungry() {
      return watermark.end === admitted
    },
    room: () =>
      new Promise((resolve) => {
        if (!isFull()) return resolve()
        roomMade = () => {
          roomMade = undefined
          resolve()
        }
      }),
    take(batch) {
      const [first] = batch.messages
      if (!first) return true
      if (BigInt(first.offset) < lowest) return false
      freshFrom ??= BigInt(batch.highWatermark)
      const { next } = watermark
      const takenAt = clock.now()
      for (const message of batch.messages) {
        const offset = BigInt(message.offset)
        // After a rejoin what is in hand already comes again.
        if (next !== undefined && offset < next) continue
        const held: Held = {
          message,
          offset,
          takenAt,
          done: false,
          startedAt: undefined,
          again: false,
          lane: undefined,
          behind: undefined,
          delivery: undefined,
        }
        watermark.add(held)
        waitingBytes += sizeOf(held)
      }
      // Beyond the last message there may be records that mark the end of a transaction.
      lowest = BigInt(batch.lastOffset()) + 1n
      watermark.reach(lowest)
      proceed()
      return true
    },
    rejoined() {
      lowest = partition.committed ?? 0n
      freshFrom = undefined
    },
    done(held) {
      if (lost || held.done) return
      held.done = true
      watermark.advance()
    },
    stop,
    lose() {
      lost = true
      for (let each = watermark.begin; each < admitted; each += 1) {
        const delivery = watermark.at(each)?.delivery
        if (delivery) delivery.takenAway = true
      }
      stop()
    },
  }
  return partition
}

function sizeOf({ message: { value } }: Held): number {
  return value === null ? 0 : value.length
}
