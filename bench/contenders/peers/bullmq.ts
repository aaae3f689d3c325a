/** BullMQ: `deduplication: { id, ttl }`, and a worker that handles as many at once as there are callers. It stores the message and fetches it as well. */
import { loadPeer } from './load.js'
import { openWaiting } from './waiting.js'
import { setting } from '../../contract.js'
import type { Calls, Setup } from '../../contract.js'

interface Job {
  readonly data: { readonly key: string }
}

interface Queue {
  add(name: string, data: Job['data'], options: object): Promise<unknown>
  on(event: 'error', listener: () => void): unknown
  close(): Promise<void>
}

interface Worker {
  on(event: 'completed', listener: (job: Job) => void): unknown
  on(event: 'error', listener: () => void): unknown
  waitUntilReady(): Promise<unknown>
  close(force: boolean): Promise<void>
}

interface Bullmq {
  readonly Queue: new (name: string, options: object) => Queue
  readonly Worker: new (name: string, handler: (job: Job) => Promise<void>, options: object) => Worker
}

export const setup: Setup<Calls> = async ({ name, concurrency, settings, handle }) => {
  const { Queue, Worker } = loadPeer('bullmq') as Bullmq
  const { hostname, port } = new URL(setting(settings, 'redis'))
  const shared = { connection: { host: hostname, port: Number(port || 6379) }, prefix: name }
  const waiting = openWaiting()
  const queue = new Queue('bench', shared)
  queue.on('error', () => undefined)
  const worker = new Worker('bench', ({ data }) => handle(data.key), { ...shared, concurrency, lockDuration: 30_000 })
  worker.on('error', () => undefined)
  worker.on('completed', ({ data }) => waiting.done(data.key))
  await worker.waitUntilReady()
  return {
    async call(key) {
      const handled = waiting.until(key)
      await queue.add('order', { key }, { deduplication: { id: key, ttl: 86_400_000 }, removeOnComplete: true, removeOnFail: true })
      await handled
    },
    async close() {
      await worker.close(true)
      await queue.close()
    },
  }
}
