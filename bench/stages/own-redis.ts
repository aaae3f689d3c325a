import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../test/services/free-ports.js'
import { startRedis } from '../../test/services/redis.js'
import { scratchDir } from '../running/places.js'
import { describe } from './redis.js'
import type { OpenStage } from './stage.js'

/** A Redis of its own, emptied before each run: nobody else's keys are weighed, and nobody else's commands counted. */
export const ownRedisStage: OpenStage = async () => {
  const port = await freePort()
  const server = await startRedis({ port, dir: join(scratchDir, `redis-${port}`), args: ['--appendonly', 'no'] })
  const client = new Redis(port, '127.0.0.1')
  return {
    servers: { 'Redis of its own': await describe(client) },
    async prepare() {
      await client.flushall('SYNC')
      return { redis: `redis://127.0.0.1:${port}` }
    },
    tidy: async () => void (await client.flushall('SYNC')),
    async close() {
      client.disconnect()
      await server.kill()
    },
  }
}
