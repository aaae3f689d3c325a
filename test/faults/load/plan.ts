/** Which messages are sent when: the same for the same seed. */
import { openChance } from '../chance.js'

export interface Sending {
  readonly number: number
  /** What its key for the order is on a broker that has one; without one it may overtake. */
  readonly orderingKey: string | undefined
  readonly body: string
}

export interface Plan {
  /** What is to be sent by now, at most so many. */
  due(nowMs: number, most: number): Sending[]
  /** Copies that are to be sent later: what is left of the plan when the load ends. */
  rest(): Sending[]
  /** How many messages there are so far, numbered from 0. */
  readonly messages: number
  /** Whether a message fails for ever, and belongs with the dead letters. */
  isPoison(number: number): boolean
}

export interface PlanOptions {
  readonly seed: number
  /** Duplicates included. */
  readonly ratePerSecond: number
  /** How long a handler takes, in milliseconds: up to this, and one in a hundred up to 100 times as long, 2 s at most. */
  readonly workMs: number
  /** How much later a duplicate may come, in milliseconds. */
  readonly latestDuplicateMs: number
}

/** How many of the messages are sent again: next to the first, at once by a producer without ordering keys, or later. */
const again = { next: 0.14, atOnce: 0.14, later: 0.15 }
const failing = 0.02
const poison = 0.002
/** More failures than any budget. */
const forEver = 1_000_000

export function openPlan({ seed, ratePerSecond, workMs, latestDuplicateMs }: PlanOptions): Plan {
  const { fraction, below } = openChance(seed)
  const poisoned = new Set<number>()
  const freshPerSecond = ratePerSecond / (1 + again.next + again.atOnce + again.later)
  let messages = 0
  /** By the second in which they are due, so that none has to be sorted in. */
  const later = new Map<number, Sending[]>()
  let secondDone = -1

  const fresh = (): readonly Sending[] => {
    const number = messages
    messages += 1
    const kind = fraction()
    const failures = kind < poison ? forEver : kind < poison + failing ? 1 + below(2) : 0
    if (failures === forEver) poisoned.add(number)
    const work = Math.min(2_000, Math.round(fraction() * workMs * (fraction() < 0.01 ? 100 : 1)))
    const sending = { number, orderingKey: `entity-${number % 997}`, body: JSON.stringify({ n: number, w: work, f: failures }) }
    const which = fraction()
    if (which < again.next) return [sending, sending]
    if (which < again.next + again.atOnce) return [sending, { ...sending, orderingKey: undefined }]
    if (which < again.next + again.atOnce + again.later) {
      const second = Math.floor(((number / freshPerSecond) * 1_000 + fraction() * latestDuplicateMs) / 1_000)
      later.set(second, [...(later.get(second) ?? []), sending])
    }
    return [sending]
  }

  return {
    get messages() {
      return messages
    },
    due(nowMs, most) {
      const sendings: Sending[] = []
      while (messages < (nowMs / 1_000) * freshPerSecond && sendings.length < most) sendings.push(...fresh())
      for (let second = secondDone + 1; second < Math.floor(nowMs / 1_000); second += 1) {
        sendings.push(...(later.get(second) ?? []))
        later.delete(second)
        secondDone = second
      }
      return sendings
    },
    rest() {
      const rest = [...later.values()].flat()
      later.clear()
      return rest
    },
    isPoison: (number) => poisoned.has(number),
  }
}
