import { idOf } from '../workers/handler.js'
import type { CallFault } from './nemesis.js'
import type { Crew } from '../workers/crew.js'
import type { Fault } from '../plan.js'
import type { World } from '../world.js'

/** What each fault does to the world. */
export interface Striking {
  strike(fault: Exclude<Fault, CallFault>): void
  /** Ends whatever still lasts. */
  mend(): void
}

type Kind = Exclude<Fault, CallFault>['what']
type Strikes = { readonly [What in Kind]: (fault: Extract<Fault, { what: What }>) => void }

export function openStriking<Tx>(world: World<Tx>, crew: Crew): Striking {
  const { scheduler, weather, broker, store, tell } = world
  const lasting = new Set<() => void>()
  const last = (forMs: number, end: () => void): void => {
    const mend = (): void => {
      if (lasting.delete(mend)) end()
    }
    lasting.add(mend)
    scheduler.schedule(forMs, mend)
  }
  let restore = (): void => undefined
  // What a replica holds that lags: kept before, as nobody knows when it will be needed.
  for (const fault of world.plan.faults) {
    if (fault.what !== 'store-forgets' || !('atMs' in fault.when) || 'cannot' in store.save) continue
    const { save } = store
    scheduler.schedule(Math.max(0, fault.when.atMs - fault.lagMs), () => {
      restore = save()
    })
  }

  const strikes: Strikes = {
    crash: ({ worker, downMs }) => crew.crash(worker, downMs),
    stall: ({ worker, forMs }) => crew.stall(worker, forMs),
    stop: ({ worker, downMs }) => void crew.stop(worker, downMs),
    rebalance: ({ worker }) => crew.rebalance(worker),
    cut({ worker, from, how, forMs }) {
      const name = crew.current(worker)?.process.name
      if (name === undefined) return
      const mend = weather.cut(from, worker, how)
      tell({ what: 'cut', worker: name, from, how, forMs })
      last(forMs, () => {
        mend()
        tell({ what: 'mended', worker: name, from })
      })
    },
    'commits-fail'({ worker, how, forMs }) {
      const name = crew.current(worker)?.process.name
      if (name === undefined) return
      const mend = weather.failCommits(worker, how)
      tell({ what: 'commits-fail', worker: name, how, forMs })
      last(forMs, () => {
        mend()
        tell({ what: 'commits-work', worker: name })
      })
    },
    'store-away'({ how, forMs }) {
      const mend = weather.cut('store', 'all', how)
      tell({ what: 'store-away', how, forMs })
      last(forMs, () => {
        mend()
        tell({ what: 'store-back' })
      })
    },
    'store-slow'({ byMs, forMs }) {
      const mend = weather.slow(byMs)
      tell({ what: 'store-slow', byMs, forMs })
      last(forMs, () => {
        mend()
        tell({ what: 'store-quick' })
      })
    },
    'store-forgets'({ lagMs }) {
      restore()
      tell({ what: 'store-forgot', lagMs })
    },
    'broker-away'({ forMs }) {
      broker.away(true)
      tell({ what: 'broker-away', forMs })
      last(forMs, () => {
        broker.away(false)
        tell({ what: 'broker-back' })
      })
    },
    replay() {
      const messages = broker.deadLetters().map(idOf)
      if (messages.length === 0) return
      void broker.replay().then(
        () => tell({ what: 'replayed', messages }),
        // The broker is away: whoever wanted it will not have it.
        () => undefined,
      )
    },
  }

  return {
    // The compiler cannot see that a fault and what is done for its kind belong together.
    strike: (fault) => (strikes[fault.what] as (fault: Exclude<Fault, CallFault>) => void)(fault),
    mend() {
      for (const mend of lasting) mend()
    },
  }
}
