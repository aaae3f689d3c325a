/** Sends what the plan says, at its rate, and notes when each message was confirmed first. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from './broker.js'
import type { Plan, Sending } from './plan.js'

export interface Driver {
  /** Resolves when all that was begun is confirmed. */
  stop(): Promise<void>
}

export interface DriverOptions {
  readonly plan: Plan
  readonly broker: Broker
  readonly nowMs: () => number
  readonly onConfirmed: (number: number, atMs: number) => void
}

/** How many messages go to the broker at once, and how many such batches. */
const batch = 500
const sideBySide = 4

export function openDriver({ plan, broker, nowMs, onConfirmed }: DriverOptions): Driver {
  let isStopped = false
  const send = async (sendings: readonly Sending[]): Promise<void> => {
    await broker.send(sendings)
    const atMs = nowMs()
    for (const { number } of sendings) onConfirmed(number, atMs)
  }
  const one = async (): Promise<void> => {
    while (!isStopped) {
      const sendings = plan.due(nowMs(), batch)
      if (sendings.length > 0) await send(sendings)
      await sleep(20)
    }
  }
  const all = Promise.all(Array.from({ length: sideBySide }, one))
  return {
    async stop() {
      isStopped = true
      await all
      await send(plan.rest())
    },
  }
}
