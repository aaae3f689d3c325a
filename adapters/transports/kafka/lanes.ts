import type { Held, Line } from './held.js'

/**
 * Messages of one key go one after the other, others side by side. Keys are compared by their bytes; messages without one have no order.
 */
export function openLanes(start: (held: Held) => void): Line {
  const last = new Map<string, Held>()
  return {
    add(held) {
      const { key } = held.message
      if (key === null) return start(held)
      // Every byte is a character of its own in latin1.
      const lane = key.toString('latin1')
      held.lane = lane
      const before = last.get(lane)
      last.set(lane, held)
      if (before) before.behind = held
      else start(held)
    },
    over(held) {
      const { lane, behind } = held
      if (lane === undefined) return
      held.behind = undefined
      if (behind) start(behind)
      else last.delete(lane)
    },
    close: () => last.clear(),
  }
}
