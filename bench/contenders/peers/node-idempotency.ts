/** `@node-idempotency/core` with its adapter for Redis: `onRequest` before the handler and `onResponse` after it. */
import { loadPeer } from './load.js'
import { setting } from '../../contract.js'
import type { Calls, Setup } from '../../contract.js'

interface Storage {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

interface Core {
  readonly Idempotency: new (
    storage: Storage,
    options: object,
  ) => {
    onRequest(request: object): Promise<unknown>
    onResponse(request: object, response: { readonly body: unknown }): Promise<void>
  }
}

interface Adapter {
  readonly RedisStorageAdapter: new (options: { readonly url: string }) => Storage
}

export const setup: Setup<Calls> = async ({ name, settings, handle }) => {
  const { Idempotency } = loadPeer('@node-idempotency/core') as Core
  const { RedisStorageAdapter } = loadPeer('@node-idempotency/storage-adapter-redis') as Adapter
  const storage = new RedisStorageAdapter({ url: setting(settings, 'redis') })
  await storage.connect()
  const idempotency = new Idempotency(storage, { cacheTTLMS: 86_400_000, cacheKeyPrefix: name })
  return {
    async call(key) {
      const request = { headers: { 'idempotency-key': key }, path: '/orders', method: 'POST', body: { id: key } }
      if ((await idempotency.onRequest(request)) !== undefined) return
      await handle(key)
      await idempotency.onResponse(request, { body: true })
    },
    close: () => storage.disconnect(),
  }
}
