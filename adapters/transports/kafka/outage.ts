import { tooLate, within } from '../../../src/index.js'
import { withAdmin } from './admin.js'
import type { Clock, Trouble } from '../../../src/index.js'
import type { KafkaClient } from './client.js'

/**
 * Finds out whether the broker is away: kafkajs tells of no lost connection. While nothing comes back from it, it is asked something. It has
 * recovered when it answers those that were cut off: that it answers somebody does not mean that messages arrive.
 */
export interface BrokerWatch {
  readonly away: boolean
  /** The broker answered something. */
  readonly answered: () => void
  /** Something failed that may be for its being away. */
  readonly suspect: () => void
  close(): void
}

export interface BrokerWatchParts {
  readonly kafka: KafkaClient
  readonly clock: Clock
  /** After this time without an answer it is asked, in milliseconds. */
  readonly silentMs: number
  readonly hold: () => () => void
  readonly report: (trouble: Trouble) => void
}

const everyMs = 1_000
const answerWithinMs = 2_000

export function watchBroker({ kafka, clock, silentMs, hold, report }: BrokerWatchParts): BrokerWatch {
  let answeredAt = clock.now()
  let askedAt = clock.now()
  let free: (() => void) | undefined
  let asking = false
  let closed = false

  const recovered = (): void => {
    answeredAt = clock.now()
    if (!free || closed) return
    free()
    free = undefined
    report({ kind: 'recovered', message: 'The Kafka broker answers again.' })
  }
  const away = (error: unknown): void => {
    if (free || closed) return
    free = hold()
    report({
      kind: 'broker-away',
      error,
      message: 'The Kafka broker does not answer. Nothing arrives and nothing can be postponed until it does; the client goes on trying.',
    })
  }
  const ask = async (): Promise<void> => {
    if (asking || closed) return
    asking = true
    const begun = clock.now()
    const asked = withAdmin(kafka, clock, (admin) => admin.describeCluster(), { retries: 0 })
    // However long the client goes on trying: one at a time.
    const over = (): void => void (asking = false)
    asked.then(over, over)
    try {
      if ((await within(clock, answerWithinMs, asked)) !== tooLate) askedAt = clock.now()
      else if (answeredAt < begun) away(new Error(`The Kafka broker did not answer within ${answerWithinMs} ms`))
    } catch (error) {
      if (answeredAt < begun) away(error)
    }
  }

  let cancel: () => void
  const tick = (): void => {
    cancel = clock.schedule(everyMs, tick)
    if (!free && clock.now() - Math.max(answeredAt, askedAt) > silentMs) void ask()
  }
  cancel = clock.schedule(everyMs, tick)

  return {
    get away() {
      return free !== undefined
    },
    answered: recovered,
    suspect: () => void ask(),
    close() {
      closed = true
      cancel()
      free?.()
      free = undefined
    },
  }
}
