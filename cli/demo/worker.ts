import { appendFileSync } from 'node:fs'
import { systemRuntime } from '../../src/index.js'
import { makeHandler, moveInLedger } from './handlers.js'
import { brokers, stores } from './products.js'
import type { Entry } from './ledger.js'
import type { Servers } from './products.js'
import type { Way } from './handlers.js'

/** What a worker process is told on its command line. */
export interface WorkerWords {
  readonly name: string
  readonly way: Way
  readonly servers: Servers
  /** Names all that this play makes. */
  readonly run: string
  /** The file that all workers append to. */
  readonly ledger: string
}

/** What a worker tells the demo: that it consumes, or why it ends. */
export type WorkerAnswer = { readonly ready: true } | { readonly fault: string }

/** One worker of the demo on real servers, until it is told to stop, or killed. */
export async function runDemoWorker(json: string): Promise<number> {
  if (!process.send) throw new Error('demo-worker is started by the demo itself: run hapax demo')
  const tell = (answer: WorkerAnswer): Promise<void> => new Promise((resolve) => void process.send?.(answer, () => resolve()))
  // Ctrl-C goes to all processes of a terminal: it is the demo that ends its workers. And without it they do not stay behind.
  process.on('SIGINT', () => undefined)
  const orphaned = (): never => process.exit(1)
  process.once('disconnect', orphaned)
  try {
    await work(JSON.parse(json) as WorkerWords, () => void tell({ ready: true }))
    return 0
  } catch (error) {
    await tell({ fault: error instanceof Error ? error.message : String(error) })
    return 2
  } finally {
    process.off('disconnect', orphaned)
    process.disconnect?.()
  }
}

async function work({ name, way, servers, run, ledger }: WorkerWords, ready: () => void): Promise<void> {
  const { broker, store, inbox } = servers
  const kept = await stores[store.option].open(store.at, run)
  const payments = await brokers[broker.option].transport(broker.at, run, name)
  // One short line each, appended at once: it is there even if the process is killed right after.
  const write = (entry: Entry): void => appendFileSync(ledger, `${JSON.stringify(entry)}\n`)
  const keeping = inbox ? kept.withInbox(name) : kept.byLease(moveInLedger(name, write))
  try {
    const consumption = await payments.consume(makeHandler(way, { name, keeping, runtime: systemRuntime, write }))
    process.once('SIGTERM', () => void consumption.stop())
    ready()
    await consumption.done
  } finally {
    await kept.close()
  }
}
