import { redisStore } from '../../../adapters/stores/redis.js'
import { faultOfUrl } from '../addresses.js'
import { leaseKeeping } from '../keeping.js'
import type { StoreProduct } from './store.js'

const load = () => import('ioredis')
const noTable = (): Error => new Error('Redis has no tables')

export const redisDemoStore: StoreProduct = {
  name: 'Redis',
  client: 'ioredis',
  load,
  hasInbox: false,
  faultOf: (at) => faultOfUrl(at, ['redis:', 'rediss:'], 'redis://localhost:6379'),

  async open(at, run) {
    const { Redis } = await load()
    let wasThere = false
    let fault: unknown
    const redis = new Redis(at, {
      lazyConnect: true,
      connectTimeout: 5_000,
      // A server that was never there is told of at once; one that goes away is waited for.
      retryStrategy: (times) => (wasThere ? Math.min(times * 100, 1_000) : null),
    })
    redis.on('error', (error) => (fault = error))
    try {
      await redis.connect()
      await redis.ping()
      wasThere = true
    } catch (error) {
      redis.disconnect()
      // What it rejects with says only that the connection is closed.
      throw fault ?? error
    }
    const prefix = `${run}:`
    return {
      make: () => Promise.resolve(),
      byLease: (move) => leaseKeeping(redisStore(redis, { prefix }), move),
      withInbox() {
        throw noTable()
      },
      charges: () => Promise.reject(noTable()),
      async remove() {
        let cursor = '0'
        do {
          const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000)
          if (keys.length > 0) await redis.unlink(...keys)
          cursor = next
        } while (cursor !== '0')
      },
      async close() {
        redis.disconnect()
      },
    }
  },
}
