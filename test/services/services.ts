import { join } from 'node:path'
import { kafkaFault, startKafka } from './kafka.js'
import { isLocal, kafkaBrokers, kafkaVersion, redisUrl, servicesDir } from './places.js'
import { installRedis, redisFault, startRedis } from './redis.js'
import type { Server } from './server.js'

export interface Service {
  readonly name: string
  readonly address: string
  /** Set where the environment asks for one version. */
  readonly version?: string
  /** Why it cannot be used; undefined when it answers. */
  fault(): Promise<string | undefined>
  /** Starts it at its address; undefined when installing it was enough, because the system started it. */
  start(): Promise<Server | undefined>
}

export const services: readonly Service[] = [redis(), kafka()]

function redis(): Service {
  const { host, hostname, port } = new URL(redisUrl)
  const fault = () => redisFault(redisUrl)
  return {
    name: 'redis',
    address: host,
    fault,
    async start() {
      needLocal(hostname)
      await installRedis()
      if ((await fault()) === undefined) return undefined
      return startRedis({ port: Number(port || 6379), dir: join(servicesDir, `redis-${port || 6379}`) })
    },
  }
}

function kafka(): Service {
  const [broker = ''] = kafkaBrokers
  const { hostname, port } = new URL(`kafka://${broker}`)
  return {
    name: 'kafka',
    address: kafkaBrokers.join(','),
    version: kafkaVersion,
    fault: () => kafkaFault(kafkaBrokers),
    start() {
      needLocal(hostname)
      return startKafka({ port: Number(port), dir: join(servicesDir, `kafka-${kafkaVersion}-${port}`) })
    },
  }
}

function needLocal(host: string): void {
  if (!isLocal(host)) throw new Error('it does not answer, and only a server on this machine can be started')
}
