import { hasCode, messageOf } from './errors.js'
import type { Hooks } from './hooks.js'

/**
 * Tells of an outage once when it begins and once when it is over, however many calls fail in between. It is over when a call succeeds
 * and none is failing any more: of a store whose reads work and whose writes do not, nobody is told every second that it is back.
 */
export interface Outage {
  /** Follows one call, with all its tries. */
  follow(): Followed
  /** A call came through: the one that was followed, if it failed before. */
  succeeded(followed: Followed | undefined): void
}

export interface Followed {
  fault(error: unknown): void
  /** Nobody tries any longer. */
  givenUp(): void
}

export function openOutage(hooks: Hooks, scope: string): Outage {
  let away = false
  let failing = 0
  return {
    follow() {
      let fails = false
      const end = (): void => {
        if (fails) failing -= 1
        fails = false
      }
      return {
        fault(error) {
          // Held up by somebody's open transaction: the store is there.
          if (hasCode(error, 'transaction-conflict')) return
          if (!fails) failing += 1
          fails = true
          if (away) return
          away = true
          hooks.trouble({
            kind: 'store-away',
            what: 'store',
            scope,
            error,
            message: `The store is away: ${messageOf(error)}. Deliveries are held.`,
          })
        },
        givenUp: end,
      }
    },
    succeeded(followed) {
      followed?.givenUp()
      if (!away || failing > 0) return
      away = false
      hooks.trouble({ kind: 'recovered', what: 'store', scope, message: 'The store answers again.' })
    },
  }
}
