import { PublishRefusedError } from '../../src/index.js'
import type { Outgoing, Publisher } from '../../src/index.js'

/** A publisher that keeps what it is given, and does as it is told. */
export interface Recorder extends Publisher {
  /** What was stored, in order, more than once where it was published more than once. */
  readonly received: readonly Outgoing[]
  /** The bodies of what was stored, as text. */
  readonly texts: readonly string[]
  /** How often it was called. */
  readonly calls: number
  /** Refuses the messages of which this is true. */
  refuse(which: (message: Outgoing) => boolean): void
  /** Takes nothing, and says nothing of why. */
  away(isAway: boolean): void
  /** Stores the next lists and says that it is unknown whether it did. */
  loseConfirms(count: number): void
  /** Does not answer until the function that it returns is called. */
  hang(): () => void
}

/** `onReceived` is told of every message when it is stored. */
export function recorder(onReceived: (message: Outgoing) => void = () => undefined): Recorder {
  const received: Outgoing[] = []
  let refused = (_message: Outgoing): boolean => false
  let isAway = false
  let lost = 0
  let calls = 0
  let answering: Promise<void> | undefined

  return {
    received,
    get texts() {
      return received.map(({ body }) => textOf(body))
    },
    get calls() {
      return calls
    },
    async publish(messages) {
      calls += 1
      if (answering) await answering
      if (isAway) throw new Error('The broker is away')
      // As a broker does: what stands before the one that is refused is stored, and nothing of its key after it.
      const stopped = new Set<string | undefined>()
      for (const message of messages) {
        if (message.orderingKey !== undefined && stopped.has(message.orderingKey)) continue
        if (refused(message)) {
          stopped.add(message.orderingKey)
          continue
        }
        received.push(message)
        onReceived(message)
      }
      if (messages.some(refused)) throw new PublishRefusedError('One of the messages is refused')
      if (lost === 0) return
      lost -= 1
      throw new Error('The confirm was lost')
    },
    refuse: (which) => void (refused = which),
    away: (next) => void (isAway = next),
    loseConfirms: (count) => void (lost = count),
    hang() {
      let answer = (): void => undefined
      answering = new Promise((resolve) => {
        answer = () => {
          answering = undefined
          resolve()
        }
      })
      return () => answer()
    },
  }
}

export function textOf(body: Outgoing['body']): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body)
}
