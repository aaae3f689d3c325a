import type { Chance } from '../chance.js'
import type { Hit } from '../checker/excuses.js'
import type { World } from '../servers/world.js'
import type { Crew, Member } from '../workers/crew.js'

/** All that a fault can get at. */
export interface Arena {
  readonly world: World
  readonly crew: Crew
  readonly chance: Chance
  readonly leaseMs: number
  /** How long a worker may take to stop in its own way, in milliseconds. */
  readonly stopWithinMs: number
  nowMs(): number
  /** Resolves early when the run is to end. */
  pause(ms: number): Promise<void>
  /** Notes what was done to a worker, for the checker. */
  hit(hit: Hit): void
  /** A worker that did not stop in time. */
  hung(what: string): void
}

/** One kind of trouble. */
export interface Fault {
  /** As for `--nemesis`. */
  readonly name: string
  /** What it keeps the workers from, if it does; the checker is told. */
  readonly keepsFrom: 'store' | 'broker' | undefined
  fits(world: World): boolean
  /** Makes the trouble, ends it, and answers with what it was. */
  strike(arena: Arena): Promise<string>
}

/** Takes a member out, does this to it, and has another one hired in its place. */
export async function replace(arena: Arena, member: Member, how: 'killed' | 'stopped'): Promise<void> {
  const { crew } = arena
  crew.take(member)
  const fromMs = arena.nowMs()
  if (how === 'killed') await member.kill()
  else await stopMember(arena, member)
  arena.hit({ worker: member.name, how, fromMs, toMs: arena.nowMs() })
  await crew.hire(member.program)
}

export async function stopMember(arena: Arena, member: Member): Promise<void> {
  try {
    await member.stop(arena.stopWithinMs)
  } catch (error) {
    arena.hung((error as Error).message)
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
