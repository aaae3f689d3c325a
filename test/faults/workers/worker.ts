/** What every worker of a fault run has: its words, its clock that others can set, its samples, and its end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openLedger } from '../ledger.js'
import type { LedgerWriter } from '../ledger.js'
import type { Mode, Places } from '../names.js'
import type { Emitters } from './backends.js'

export interface Words extends Places {
  readonly name: string
  readonly mode: Mode
  readonly ledger: string
  /** When the run began, in milliseconds since 1970. */
  readonly originMs: number
  readonly leaseMs: number
  readonly windowMs: number
  readonly concurrency: number
  /** Its handlers never ask their signal. */
  readonly heedless: boolean
  /** For those that send through an outbox: how many messages per second, how many entities, and the seed. */
  readonly ratePerSecond: number
  readonly seed: number
}

/** What it is told. */
export type Told = { readonly what: 'clock'; readonly aheadMs: number } | { readonly what: 'sample' }

/** What it tells. */
export type Tells =
  | { readonly what: 'ready' }
  | {
      readonly what: 'sample'
      readonly heapBytes: number
      readonly rssBytes: number
      readonly timers: number
      readonly connections: number
      readonly listeners: number
    }

export interface Worker {
  readonly words: Words
  readonly ledger: LedgerWriter
  /** Says that it is ready, and resolves when it is told to stop. */
  untilStopped(): Promise<void>
}

export function openWorker(emitters: () => Emitters): Worker {
  const words = JSON.parse(process.argv[2] ?? '{}') as Words
  const setAhead = bendClock()
  process.on('message', (told: Told) => {
    if (told.what === 'clock') setAhead(told.aheadMs)
    else void sample(emitters()).then((tells) => process.send?.(tells))
  })
  // Whoever runs it has gone: nobody would ever stop it.
  process.on('disconnect', () => process.exit(1))
  const ledger = openLedger(words.ledger, words.originMs)
  return {
    words,
    ledger,
    untilStopped: () =>
      new Promise((resolve) => {
        process.once('SIGTERM', () => {
          setTimeout(() => ledger.write('t', -1, `hanging ${whatKeepsIt()}`), hangsAfterMs).unref()
          resolve()
        })
        process.send?.({ what: 'ready' } satisfies Tells)
      }),
  }
}

/** Longer than the grace time of consuming. */
const hangsAfterMs = 30_000

function whatKeepsIt(): string {
  const handles = (process as unknown as { _getActiveHandles(): { remotePort?: number; bytesRead?: number }[] })._getActiveHandles()
  const sockets = handles.filter(({ remotePort }) => remotePort !== undefined)
  const told = sockets.map(({ remotePort, bytesRead }) => `to port ${remotePort} (${bytesRead} bytes read)`)
  return `${process.getActiveResourcesInfo().join(' ')}; sockets: ${told.join(', ')}`
}

/** Ends the process once it has let go of everything; what hangs is a fault of its own, told by the one who waits. */
export function over(): void {
  process.removeAllListeners('disconnect')
  process.disconnect?.()
}

/** Replaces the wall clock of this process by one that can be set. Timers and `performance` go on as before, as they do when a clock is set. */
function bendClock(): (aheadMs: number) => void {
  const Real = Date
  let ahead = 0
  globalThis.Date = new Proxy(Real, {
    construct: (target, given: unknown[]) => Reflect.construct(target, given.length === 0 ? [Real.now() + ahead] : given) as Date,
    get: (target, name) => (name === 'now' ? () => Real.now() + ahead : (Reflect.get(target, name) as unknown)),
  })
  return (aheadMs) => void (ahead = aheadMs)
}

async function sample(emitters: Emitters): Promise<Tells> {
  // Twice: what the first finds may wait for its finalizer.
  globalThis.gc?.()
  await sleep(10)
  globalThis.gc?.()
  const resources = process.getActiveResourcesInfo()
  const count = (kind: string): number => resources.filter((each) => each === kind).length
  let listeners = 0
  for (const emitter of [process, ...emitters]) for (const name of emitter.eventNames()) listeners += emitter.listenerCount(name)
  const { heapUsed, rss } = process.memoryUsage()
  return { what: 'sample', heapBytes: heapUsed, rssBytes: rss, timers: count('Timeout'), connections: count('TCPSocketWrap'), listeners }
}
