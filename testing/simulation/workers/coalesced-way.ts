import { openCoalescing } from '../../../src/index.js'
import type { Coalescing } from '../../../src/index.js'
import type { Point } from '../plan.js'
import type { World } from '../world.js'
import type { Process } from './process.js'
import type { Way } from './way.js'

type Effect = () => Promise<unknown>

/** An answer of the server: what it threw for one of the calls. */
const threw = Symbol('threw')

/** So many calls travel together at most: few, so that some are left for the next flight. */
const mostCalls = 4

/** How long a turn of the event loop takes at most: a busy process has few, and much is asked for in each. */
export const longestTurnMs = 40

/**
 * The way of calls that are made in one turn, or while others are under way, as stores join them: those of one kind travel together and share one fate. They
 * are late, lost or refused as one, and each takes effect by itself.
 */
export function openCoalescedWay<Tx>({ noise }: World<Tx>, process: Process, way: Way): Way {
  const { now } = process.runtime.clock
  const soon = (go: () => void): void => process.wake(longestTurnMs * noise.fraction(), go)
  const kinds = new Map<Point, Coalescing<Effect, unknown>>()
  const kindOf = (point: Point): Coalescing<Effect, unknown> => {
    const known = kinds.get(point)
    if (known) return known
    const kind = openCoalescing<Effect, unknown>({
      send: (effects) => way.call(point, () => Promise.all(effects.map(take)), { refusal }),
      mayBeOfOne,
      mostCalls,
      mostFlights: 1,
      clock: { now, soon },
    })
    kinds.set(point, kind)
    return kind
  }

  return {
    async call<Value>(point: Point, effect: () => Promise<Value>) {
      const answer = await kindOf(point).ask(effect)
      if (typeof answer === 'object' && answer !== null && threw in answer) throw answer[threw]
      return answer as Value
    },
  }
}

const take = (effect: Effect): Promise<unknown> => effect().catch((error: unknown) => ({ [threw]: error }))

/** What a server refuses before it takes effect may be due to one call alone: the others are then sent again. */
const refusal = (): Error => Object.assign(new Error('One of the calls was refused'), { code: 'refused' })
const mayBeOfOne = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'refused'
