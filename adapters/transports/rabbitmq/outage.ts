import { messageOf } from '../../../src/index.js'
import type { Trouble } from '../../../src/index.js'

/** Holds the consumption while nothing can arrive, and tells of it once. */
export interface Outage {
  away(error: unknown): void
  over(): void
}

export function openOutage({
  queue,
  hold,
  report,
}: {
  readonly queue: string
  readonly hold: () => () => void
  readonly report: (trouble: Trouble) => void
}): Outage {
  let free: (() => void) | undefined
  return {
    away(error) {
      if (free) return
      free = hold()
      report({
        kind: 'broker-away',
        what: 'broker',
        error,
        message: `Nothing arrives from RabbitMQ's queue ${queue}: ${messageOf(error)}. It is tried again until it does.`,
      })
    },
    over() {
      if (!free) return
      free()
      free = undefined
      report({ kind: 'recovered', what: 'broker', message: `Messages can arrive from RabbitMQ's queue ${queue} again.` })
    },
  }
}
