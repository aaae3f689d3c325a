import { backOff, sleep, systemClock, systemRandom, within } from '../../../src/index.js'
import type { PostgresClient, PostgresPool } from './clients.js'

/** What listening needs of a client of node-postgres beside what a store does. */
interface ListeningClient extends PostgresClient {
  on(event: 'error' | 'end' | 'notification', listener: (told: Error) => void): unknown
}

/** How long the first try is waited for, in milliseconds. */
const firstMs = 5_000

/**
 * Listens on a connection of the pool for as long as it takes, and on another one when that is lost. Resolves after the first try, or five seconds; what it resolves to
 * ends it. What was told while nobody listened is made up for by telling once each time that it begins.
 */
export async function listenOn(pool: PostgresPool, channel: string, told: () => void): Promise<() => Promise<void>> {
  const over = new AbortController()

  /** Listens until the connection is lost or it is over. Whether it had begun. */
  const listen = async (begun: () => void): Promise<boolean> => {
    let listening = false
    try {
      const client: ListeningClient = await pool.connect()
      const lost = new Promise<void>((resolve) => {
        // It may have been ended while all connections of the pool were taken.
        if (over.signal.aborted) resolve()
        client.on('error', () => resolve())
        client.on('end', () => resolve())
        over.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      client.on('notification', told)
      try {
        await client.query({ text: `listen "${channel}"` })
        listening = true
        begun()
        told()
        await lost
      } finally {
        // Others are not to be told what this one asked for.
        client.release(true)
      }
    } catch {
      // Polling goes on meanwhile.
    }
    return listening
  }

  const run = async (begun: () => void): Promise<void> => {
    for (let failures = 0; !over.signal.aborted;) {
      failures = (await listen(begun)) ? 0 : failures + 1
      begun()
      if (!over.signal.aborted) await sleep(systemClock, backOff(Math.max(1, failures), systemRandom.fraction()), over.signal)
    }
  }
  let running = Promise.resolve()
  const first = new Promise<void>((resolve) => {
    running = run(resolve)
  })
  // A pool that has no connection to give may not hold up a relay, which polls meanwhile.
  await within(systemClock, firstMs, first)
  return () => {
    over.abort()
    return running
  }
}
