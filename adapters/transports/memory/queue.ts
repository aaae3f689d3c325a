/** A message in a group, until it is settled there. */
export interface Entry {
  readonly message: StoredMessage
  /** Whether it came through the group's own retry path; only then its marks may be believed. */
  readonly copy: boolean
  /** Grows in the order in which entries were put in. */
  readonly sequence: number
  /** Whether it was handed to a consumer before. */
  sent: boolean
}

/** A message as the broker keeps it. */
export interface StoredMessage {
  readonly position: string
  readonly bytes: Uint8Array
  /** As they were published, marks and forged marks included. */
  readonly headers: Readonly<Record<string, string>>
  readonly orderingKey: string | undefined
}

/**
 * The order of a group: entries leave oldest first, and those of one ordering key one after the other: the next one leaves when the one
 * before is finished. Copies have left that order, and are in order among themselves only.
 */
export interface Queue {
  add(entry: Entry): void
  /** Takes out the entry that `pick` chooses among those that may leave now. */
  take(pick: (count: number) => number): Entry | undefined
  /** The entry that was taken is done with: the next one of its ordering key may leave. */
  finish(entry: Entry): void
  /** The entry that was taken comes back, to its old place. */
  giveBack(entry: Entry): void
  /** How many entries are inside, whether they may leave now or not. */
  readonly waiting: number
  /** Whether any may leave now. */
  readonly ready: boolean
}

export function openQueue(): Queue {
  const ready: Entry[] = []
  /** For each ordering key that has an entry in `ready` or taken: those behind it. */
  const behind = new Map<string, Entry[]>()
  let waitingBehind = 0

  const laneOf = ({ message, copy }: Entry): string | undefined =>
    message.orderingKey === undefined ? undefined : `${copy ? 'copy' : 'main'} ${message.orderingKey}`
  const makeReady = (entry: Entry): void => {
    let index = ready.length
    while (index > 0 && (ready[index - 1]?.sequence ?? 0) > entry.sequence) index -= 1
    ready.splice(index, 0, entry)
  }

  return {
    add(entry) {
      const lane = laneOf(entry)
      const others = lane === undefined ? undefined : behind.get(lane)
      if (others) {
        others.push(entry)
        waitingBehind += 1
        return
      }
      if (lane !== undefined) behind.set(lane, [])
      makeReady(entry)
    },
    take: (pick) => (ready.length === 0 ? undefined : ready.splice(pick(ready.length), 1)[0]),
    finish(entry) {
      const lane = laneOf(entry)
      if (lane === undefined) return
      const next = behind.get(lane)?.shift()
      if (!next) {
        behind.delete(lane)
        return
      }
      waitingBehind -= 1
      makeReady(next)
    },
    giveBack: makeReady,
    get waiting() {
      return ready.length + waitingBehind
    },
    get ready() {
      return ready.length > 0
    },
  }
}
