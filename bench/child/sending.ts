import { setTimeout as sleep } from 'node:timers/promises'
import { numberOf } from '../contract.js'
import type { Measured, Setup, Stream } from '../contract.js'
import type { Work } from './work.js'

/** What a sender tells when it is done. */
export interface Sent {
  readonly messages: number
  /** How far it was behind at the most: where it could not keep up, nothing else is to blame. */
  readonly lateMs: number
}

/** A contender that sends so many messages when it is told to. */
export interface Sender extends Stream {
  send(ids: readonly string[]): Promise<void>
}

const everyMs = 5

/** Sends at a steady rate, a few at a time. */
export async function measureSending(setup: Setup<Sender>, { name, settings }: Work): Promise<Measured> {
  const [rate, forMs] = [numberOf(settings, 'rate'), numberOf(settings, 'forMs')]
  const sender = await setup({ name, concurrency: 1, settings, handle: async () => undefined, settled: () => undefined })
  await sender.start()
  const begunAt = performance.now()
  const sendings = new Set<Promise<void>>()
  let [messages, lateMs] = [0, 0]
  for (;;) {
    const atMs = performance.now() - begunAt
    const due = Math.floor((Math.min(atMs, forMs) * rate) / 1_000)
    if (due > messages) {
      const ids = Array.from({ length: due - messages }, (_, index) => `${nowUs()}-${messages + index}`)
      messages = due
      const sending: Promise<void> = sender.send(ids).finally(() => sendings.delete(sending))
      sendings.add(sending)
    }
    if (atMs >= forMs) break
    const before = performance.now()
    await sleep(everyMs)
    lateMs = Math.max(lateMs, performance.now() - before - everyMs)
  }
  await Promise.all(sendings)
  await sender.close()
  return { measures: { messages, lateMs } }
}

/** The same in all processes of a machine. */
export function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000)
}

export function sentAtOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')))
}
