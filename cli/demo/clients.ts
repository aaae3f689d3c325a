import type * as Kafkajs from 'kafkajs'
import type { Redis as RedisClass } from 'ioredis'

export interface Clients {
  readonly kafkajs: typeof Kafkajs
  readonly Redis: typeof RedisClass
}

/** The clients that the demo on real servers needs. They are the user's to install: the package depends on neither. */
export async function loadClients(): Promise<Clients> {
  try {
    const [kafkajs, ioredis] = await Promise.all([import('kafkajs'), import('ioredis')])
    return { kafkajs, Redis: ioredis.Redis }
  } catch (error) {
    throw new Error('the demo on real servers needs two clients: npm install kafkajs ioredis', { cause: error })
  }
}
