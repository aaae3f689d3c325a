/** What happens to worker processes. */
import { replace, seconds, stopMember } from './fault.js'
import type { Arena, Fault } from './fault.js'

const always = (): boolean => true
const keepsFrom = undefined
const hourMs = 3_600_000

/** One of them, if there is one. */
function pick({ crew, chance }: Arena) {
  return crew.members.length > 0 ? chance.pick(crew.members) : undefined
}

export const workerFaults: readonly Fault[] = [
  {
    name: 'kill',
    keepsFrom,
    fits: always,
    async strike(arena) {
      const victim = pick(arena)
      if (!victim) return 'nobody was there to be killed'
      await replace(arena, victim, 'killed')
      return `${victim.name} killed`
    },
  },
  {
    name: 'kill-all',
    keepsFrom,
    fits: always,
    async strike(arena) {
      const victims = [...arena.crew.members]
      await Promise.all(victims.map((victim) => replace(arena, victim, 'killed')))
      return `all ${victims.length} killed at once`
    },
  },
  {
    name: 'stall',
    keepsFrom,
    fits: always,
    async strike(arena) {
      const victim = pick(arena)
      if (!victim) return 'nobody was there to be stalled'
      const forMs = arena.leaseMs + 500 + arena.chance.below(4_000)
      const fromMs = arena.nowMs()
      victim.pause()
      await arena.pause(forMs)
      victim.resume()
      arena.hit({ worker: victim.name, how: 'stalled', fromMs, toMs: arena.nowMs() })
      return `${victim.name} stalled for ${seconds(arena.nowMs() - fromMs)}`
    },
  },
  {
    name: 'roll',
    keepsFrom,
    fits: always,
    async strike(arena) {
      const old = [...arena.crew.members]
      for (const member of old) await replace(arena, member, 'stopped')
      return `all ${old.length} stopped and replaced, one after the other`
    },
  },
  {
    name: 'join',
    keepsFrom,
    fits: always,
    async strike(arena) {
      const [first] = arena.crew.members
      const joined = first && (await arena.crew.hire(first.program))
      if (!joined) return 'nobody joined'
      await arena.pause(2_000 + arena.chance.below(3_000))
      const leaving = arena.chance.pick(arena.crew.members)
      arena.crew.take(leaving)
      const fromMs = arena.nowMs()
      await stopMember(arena, leaving)
      arena.hit({ worker: leaving.name, how: 'stopped', fromMs, toMs: arena.nowMs() })
      return `${joined.name} joined, ${leaving.name} left`
    },
  },
  {
    name: 'clock',
    keepsFrom,
    fits: always,
    async strike(arena) {
      const victims = arena.chance.fraction() < 0.5 ? [...arena.crew.members] : [pick(arena)].filter((member) => member !== undefined)
      const aheadMs = arena.chance.pick([-30 * 24, -1, -0.01, 0.01, 1, 30 * 24]) * hourMs
      for (const victim of victims) victim.tell({ what: 'clock', aheadMs })
      await arena.pause(2_000 + arena.chance.below(4_000))
      for (const victim of victims) victim.tell({ what: 'clock', aheadMs: 0 })
      return `the clock of ${victims.map(({ name }) => name).join(', ')} set ${aheadMs / hourMs} h ahead`
    },
  },
]
