import { randomUUID } from 'node:crypto'
import { openProxyTo } from '../../services/proxy.js'
import type { Claim, Store } from 'hapax'
import type { Proxy } from '../../services/proxy.js'

/** A table of records and one of the user's own rows, for one test file; they go with it. */
export interface Tables<Pool, PoolOptions> {
  readonly table: string
  readonly rows: string
  /** A pool beside those under test. */
  readonly pool: Pool
  /** Whether the user's row is there. */
  has(row: string): Promise<boolean>
  forget(record: string): Promise<void>
  /** A pool behind a proxy of its own. The store on it is the test's to make. */
  openPool(options?: PoolOptions, url?: string): Promise<OpenedPool<Pool>>
}

export interface OpenedPool<Pool> {
  readonly pool: Pool
  readonly proxy: Proxy
  close(): Promise<void>
}

export function freshName(): string {
  return `hapax_test_${randomUUID().replaceAll('-', '').slice(0, 12)}`
}

/** Makes a pool that reaches the server at `url` through a proxy of its own. */
export async function behindProxy<Pool extends { end(): Promise<void> }>(
  url: string,
  defaultPort: number,
  make: (url: string) => Pool,
): Promise<OpenedPool<Pool>> {
  const proxy = await openProxyTo(url, defaultPort)
  const pool = make(proxy.url)
  return {
    pool,
    proxy,
    async close() {
      // A pool whose connections were cut may fail to say goodbye to them.
      await pool.end().catch(() => undefined)
      proxy.close()
    },
  }
}

export const long = { leaseMs: 60_000, memoryMs: 600_000 }

export async function claimed(store: Store, record: string): Promise<Claim> {
  const result = await store.claim(record, { nonce: randomUUID(), ...long })
  if (result.status !== 'claimed') throw new Error(`${record} is ${result.status}`)
  return result.claim
}
