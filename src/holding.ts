import { messageOf } from './errors.js'
import type { Hooks } from './hooks.js'

/** What is away from a relay, told once when it goes and once when it is back. */
export interface Holding {
  readonly held: boolean
  away(what: 'store' | 'broker', error: unknown): void
  back(what: 'store' | 'broker'): void
}

const names = { store: 'The database of the outbox', broker: 'The broker' }

export function openHolding(hooks: Hooks): Holding {
  const isAway = { store: false, broker: false }
  return {
    get held() {
      return isAway.store || isAway.broker
    },
    away(what, error) {
      if (isAway[what]) return
      isAway[what] = true
      const message = `${names[what]} is away: ${messageOf(error)}. Messages wait in the outbox.`
      hooks.trouble({ kind: what === 'store' ? 'store-away' : 'broker-away', what, error, message })
    },
    back(what) {
      if (!isAway[what]) return
      isAway[what] = false
      hooks.trouble({ kind: 'recovered', what, message: `${names[what]} answers again.` })
    },
  }
}
