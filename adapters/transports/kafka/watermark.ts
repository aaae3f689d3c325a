/** A message in hand, as far as its offset goes. */
export interface Tracked {
  readonly offset: bigint
  done: boolean
}

/**
 * The messages of one partition that are in hand, in the order of their offsets, and up to where they are done with. They are also numbered
 * by their place in that order, as offsets have gaps (compaction, transactions).
 */
export interface Watermark<Entry extends Tracked> {
  add(entry: Entry): void
  /** Says that everything before this offset has been taken, or is not there. */
  reach(offset: bigint): void
  /** Leaves behind what is done at the front. */
  advance(): void
  at(number: number): Entry | undefined
  readonly oldest: Entry | undefined
  /** The number of the oldest unfinished one, and the number that the next one gets. */
  readonly begin: number
  readonly end: number
  /** The offset after all that was taken; undefined before anything was. */
  readonly next: bigint | undefined
  /** The offset to commit: everything before it is done with. */
  readonly position: bigint | undefined
}

/** How many finished places may lie at the front before they are dropped: dropping each at once would be quadratic. */
const slack = 1_024

export function openWatermark<Entry extends Tracked>(): Watermark<Entry> {
  let entries: (Entry | undefined)[] = []
  let start = 0
  let dropped = 0
  let next: bigint | undefined
  const oldest = (): Entry | undefined => entries[start]
  return {
    add(entry) {
      entries.push(entry)
      next = entry.offset + 1n
    },
    reach(offset) {
      if (next === undefined || offset > next) next = offset
    },
    advance() {
      while (oldest()?.done) {
        entries[start] = undefined
        start += 1
      }
      if (start > slack && start * 2 > entries.length) {
        entries = entries.slice(start)
        dropped += start
        start = 0
      }
    },
    at: (number) => entries[number - dropped],
    get oldest() {
      return oldest()
    },
    get begin() {
      return dropped + start
    },
    get end() {
      return dropped + entries.length
    },
    get next() {
      return next
    },
    get position() {
      return oldest()?.offset ?? next
    },
  }
}
