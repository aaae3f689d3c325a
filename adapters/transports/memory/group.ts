import { openQueue } from './queue.js'
import type { Clock } from '../../../src/index.js'
import type { Dice } from './faults.js'
import type { Entry, StoredMessage } from './queue.js'
import type { StoredDeadLetter } from './dead-letters.js'

/** A consumer of a group, as the group sees it. */
export interface Member {
  /** How many deliveries it has in hand. */
  readonly load: number
  /** Whether it takes another one. */
  readonly hasRoom: boolean
  /** Whether nothing of what it was handed is still being settled. */
  readonly quiet: boolean
  take(entry: Entry): void
  /** The broker goes away. */
  onAway(): void
  /** It has come back. */
  onBack(): void
}

/** One consumer group on one topic: what it has not settled yet, its copies that wait, its dead letters and its members. */
export interface Group {
  readonly members: ReadonlySet<Member>
  readonly deadLetters: StoredDeadLetter[]
  add(message: StoredMessage): void
  addCopy(message: StoredMessage, delayMs: number): void
  join(member: Member): void
  leave(member: Member): void
  finish(entry: Entry): void
  giveBack(entry: Entry): void
  /** All copies that wait come now. */
  skipDelays(): void
  /** Hands over what can be handed over, soon. */
  wake(): void
  depth(): { readonly waiting: number; readonly unsettled: number; readonly delayed: number }
  /** How long until the next copy is due, if any waits. */
  nextDueInMs(): number | undefined
}

export interface GroupParts {
  readonly clock: Clock
  readonly dice: Dice
  /** Whether nothing can be handed over. */
  readonly isAway: () => boolean
  readonly onChange: () => void
}

export function openGroup({ clock, dice, isAway, onChange }: GroupParts): Group {
  const queue = openQueue()
  const members = new Set<Member>()
  const delayed: { readonly message: StoredMessage; readonly dueAt: number }[] = []
  let sequence = 0
  let unsettled = 0
  let waking = false
  let cancelTimer = (): void => undefined

  const enqueue = (message: StoredMessage, copy: boolean): void => {
    queue.add({ message, copy, sequence: (sequence += 1), sent: false })
    wake()
  }
  const wake = (): void => {
    if (waking) return
    waking = true
    // Never inside the stack of who publishes or settles.
    void Promise.resolve().then(handOver)
  }
  const handOver = (): void => {
    waking = false
    while (queue.ready && !isAway()) {
      const member = leastLoaded(members)
      const entry = member && queue.take(dice.pick)
      if (!entry) break
      unsettled += 1
      member.take(entry)
    }
    onChange()
  }

  /** Only while somebody consumes: a timer would keep the process alive. */
  const armTimer = (): void => {
    cancelTimer()
    cancelTimer = () => undefined
    const [first] = delayed
    if (first && members.size > 0) cancelTimer = clock.schedule(Math.max(0, first.dueAt - clock.now()), onDue)
  }
  const onDue = (): void => {
    while (delayed[0] && delayed[0].dueAt <= clock.now()) moveFirst()
    armTimer()
  }
  const moveFirst = (): void => {
    const first = delayed.shift()
    if (first) enqueue(first.message, true)
  }

  return {
    members,
    deadLetters: [],
    add: (message) => enqueue(message, false),
    addCopy(message, delayMs) {
      const dueAt = clock.now() + delayMs
      let index = delayed.length
      while (index > 0 && (delayed[index - 1]?.dueAt ?? 0) > dueAt) index -= 1
      delayed.splice(index, 0, { message, dueAt })
      armTimer()
      wake()
    },
    join(member) {
      members.add(member)
      armTimer()
      wake()
    },
    leave(member) {
      members.delete(member)
      armTimer()
      wake()
    },
    finish(entry) {
      unsettled -= 1
      queue.finish(entry)
      wake()
    },
    giveBack(entry) {
      unsettled -= 1
      queue.giveBack(entry)
      wake()
    },
    skipDelays() {
      while (delayed.length > 0) moveFirst()
      armTimer()
    },
    wake,
    depth: () => ({ waiting: queue.waiting, unsettled, delayed: delayed.length }),
    nextDueInMs: () => (delayed[0] ? Math.max(0, delayed[0].dueAt - clock.now()) : undefined),
  }
}

function leastLoaded(members: ReadonlySet<Member>): Member | undefined {
  let best: Member | undefined
  for (const member of members) {
    if (member.hasRoom && (!best || member.load < best.load)) best = member
  }
  return best
}
