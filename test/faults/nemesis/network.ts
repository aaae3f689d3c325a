/** What happens on the way to a server. */
import { bothWays } from '../../services/proxy.js'
import { seconds } from './fault.js'
import type { Proxy } from '../../services/proxy.js'
import type { World } from '../servers/world.js'
import type { Arena, Fault } from './fault.js'

interface Weather {
  /** Without the name of whom it is about. */
  readonly name: string
  begin(proxy: Proxy, arena: Arena): Promise<void> | void
  /** How long it lasts, in milliseconds, beside what `begin` takes. */
  lastsMs(arena: Arena): number
  /** What it was, after `Redis: `. */
  readonly what: string
}

/** From once in a while to longer than a lease. */
const aWhile = ({ chance, leaseMs }: Arena): number => 500 + chance.below(1.6 * leaseMs)

/** Again and again for a few seconds, as connections come back. */
function again(act: (proxy: Proxy) => void): Weather['begin'] {
  return async (proxy, { pause, chance }) => {
    const times = 3 + chance.below(10)
    for (let time = 0; time < times; time += 1) {
      act(proxy)
      await pause(100 + chance.below(500))
    }
  }
}

const atOnce = (): number => 0

const weathers: readonly Weather[] = [
  { name: 'cut', begin: again((proxy) => proxy.cut()), lastsMs: atOnce, what: 'all connections cut, again and again' },
  { name: 'cut-half', begin: again((proxy) => proxy.cutHalf()), lastsMs: atOnce, what: 'every other connection cut, again and again' },
  { name: 'refuse', begin: (proxy) => proxy.refuse(), lastsMs: aWhile, what: 'all connections refused' },
  { name: 'hold', begin: (proxy) => proxy.hold(bothWays), lastsMs: aWhile, what: 'nothing got through, and everything came late' },
  { name: 'deaf', begin: (proxy) => proxy.hold(['requests']), lastsMs: aWhile, what: 'requests came late' },
  { name: 'mute', begin: (proxy) => proxy.hold(['answers']), lastsMs: aWhile, what: 'answers came late' },
  {
    name: 'slow',
    begin: (proxy, { chance }) => proxy.slow(20 + chance.below(300), 200_000),
    lastsMs: (arena) => 2 * aWhile(arena),
    what: 'slow, and narrow',
  },
  {
    name: 'lose',
    begin: again((proxy) => proxy.loseNextAnswers()),
    lastsMs: atOnce,
    what: 'connections cut after a request had gone through',
  },
  { name: 'tear', begin: again((proxy) => proxy.tearNextRequests()), lastsMs: atOnce, what: 'connections cut in the middle of a request' },
]

export const networkFaults: readonly Fault[] = (['store', 'broker'] as const).flatMap((which) =>
  weathers.map((weather): Fault => {
    const placeOf = (world: World) => (which === 'store' ? world.store : world.broker)
    return {
      name: `${which}-${weather.name}`,
      keepsFrom: which,
      fits: (world) => placeOf(world).proxy !== undefined,
      async strike(arena) {
        const { name, proxy } = placeOf(arena.world)
        if (!proxy) return 'there is nothing on the way'
        const fromMs = arena.nowMs()
        try {
          await weather.begin(proxy, arena)
          await arena.pause(weather.lastsMs(arena))
        } finally {
          proxy.mend()
        }
        return `${name}: ${weather.what}, for ${seconds(arena.nowMs() - fromMs)}`
      },
    }
  }),
)
