/** The broker as the load driver and the checker see it, by the bare clients and past the proxy: nothing here is shared with the library. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sending } from './plan.js'

export interface Arrived {
  readonly body: string
  /** Why it is a dead letter; empty for other messages. */
  readonly reason: string
}

export interface Broker {
  /** Makes the topic or queue. */
  make(): Promise<void>
  /** Resolves when the broker has confirmed all of them, however long that takes: what it did not confirm is sent again. */
  send(sendings: readonly Sending[]): Promise<void>
  /** How much is left for the group: waiting, delayed, or not acknowledged. */
  left(): Promise<number>
  /** Calls for every message of this destination, from the first, in order, until it is closed. */
  read(destination: string, told: (arrived: Arrived) => void): Promise<{ close(): Promise<void> }>
  /** All dead letters. Only when nothing else will come. */
  deadLetters(): Promise<Arrived[]>
  close(): Promise<void>
}

/** A load driver does not give up. */
export async function persist<Value>(act: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await act()
    } catch {
      await sleep(250)
    }
  }
}
