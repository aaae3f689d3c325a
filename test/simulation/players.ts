import { Worker } from 'node:worker_threads'
import { unplayable } from './orders.js'
import { nothing } from './totals.js'
import type { Plan } from '../../testing/simulation/plan.js'
import type { Answer, Failure, Order, Sign } from './orders.js'

type Played = Extract<Answer, { what: 'played' }>
type Told = Extract<Answer, { what: 'told' }>
type Shrunk = Extract<Answer, { what: 'shrunk' }>

/** A thread that plays histories, one at a time. What it is asked rejects when it cannot go on. */
export interface Player {
  /** A history at which the thread dies, or that never ends, has failed; the player is of no use after that. */
  play(seeds: Omit<Extract<Order, { what: 'play' }>, 'what'>, onSeed: () => void): Promise<Played & { readonly lost: boolean }>
  tell(plan: Plan, about: string | undefined): Promise<Told>
  shrink(plan: Plan, property: string, onSmaller: (plan: Plan, runs: number) => void): Promise<Shrunk>
  close(): Promise<void>
}

/** A history takes some milliseconds: one that takes so long is caught in a loop. */
const longestMs = 60_000

export function openPlayer(bundle: string): Player {
  // Without the loader of this process, which is not for bundles.
  const worker = new Worker(bundle, { execArgv: [] })
  let over: Error | undefined
  let whenOver = (): void => undefined
  const end = (error: Error): void => {
    over ??= error
    void worker.terminate()
    whenOver()
  }
  worker.on('error', end)
  worker.on('exit', (status) => end(new Error(`The thread that plays has ended with status ${status}`)))

  /** Asks for one thing, and waits as long as there are signs of life. */
  const ask = (order: Order, onSign: (sign: Sign) => void = () => undefined): Promise<Answer> =>
    new Promise((resolve, reject) => {
      let watch: ReturnType<typeof setTimeout> | undefined
      const live = (): void => {
        clearTimeout(watch)
        watch = setTimeout(() => end(new Error(`This history has not ended within ${longestMs / 1_000} s`)), longestMs)
      }
      const settle = (settled: () => void): void => {
        clearTimeout(watch)
        worker.off('message', hear)
        whenOver = () => undefined
        settled()
      }
      const hear = (told: Answer | Sign): void => {
        if (told.what === 'played' || told.what === 'told' || told.what === 'shrunk') return settle(() => resolve(told))
        live()
        onSign(told)
      }
      whenOver = () => settle(() => reject(over ?? new Error('The thread that plays is gone')))
      if (over) return whenOver()
      worker.on('message', hear)
      live()
      worker.postMessage(order)
    })

  return {
    async play(seeds, onSeed) {
      let seed = seeds.from
      let begun = -1
      try {
        const played = (await ask({ what: 'play', ...seeds }, (sign) => {
          if (sign.what !== 'seed') return
          seed = sign.seed
          begun += 1
          onSeed()
        })) as Played
        return { ...played, lost: false }
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        const failure: Failure = { seed, violations: [{ property: unplayable, message, atMs: 0 }] }
        return { what: 'played', totals: { ...nothing, histories: Math.max(0, begun) + 1, failed: 1 }, failures: [failure], lost: true }
      }
    },
    tell: async (plan, about) => (await ask({ what: 'tell', plan, about })) as Told,
    shrink: async (plan, property, onSmaller) =>
      (await ask({ what: 'shrink', plan, property }, (sign) => {
        if (sign.what === 'smaller') onSmaller(sign.plan, sign.runs)
      })) as Shrunk,
    async close() {
      whenOver = () => undefined
      await worker.terminate()
    },
  }
}
