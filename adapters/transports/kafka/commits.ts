import { tooLate, within } from '../../../src/index.js'
import type { Clock } from '../../../src/index.js'
import type { Member } from './member.js'
import type { Partition } from './partition.js'
import type { PartitionOffset } from './client.js'

/** Commits what is done, one commit at a time: during an outage the one that is under way is tried until the broker is back. */
export interface Commits {
  /** Commits what has moved, unless a commit is under way. What fails, as during a rebalance, is tried again the next time. */
  now(member: Member): void
  /** Once more, before the member leaves; not for ever. */
  last(member: Member): Promise<void>
}

const lastMs = 3_000

export function openCommits(clock: Clock, partitions: () => Iterable<Partition>): Commits {
  let flight: { readonly member: Member; readonly landed: Promise<void> } | undefined

  const send = (member: Member): Promise<void> => {
    const offsets: PartitionOffset[] = []
    for (const { topic, number, position, committed } of partitions()) {
      if (position !== undefined && position !== committed) offsets.push({ topic, partition: number, offset: String(position) })
    }
    if (offsets.length === 0) return Promise.resolve()
    const over = (): void => {
      if (flight?.member === member) flight = undefined
    }
    const landed = member.commit(offsets).then(over, over)
    flight = { member, landed }
    return landed
  }

  return {
    now(member) {
      if (flight?.member !== member) void send(member)
    },
    async last(member) {
      const before = flight?.member === member ? await within(clock, lastMs, flight.landed) : undefined
      if (before !== tooLate) await within(clock, lastMs, send(member))
    },
  }
}
