import { join } from 'node:path'
import { kafkaFault, startKafka } from './kafka.js'
import { installMariadb, mariadbFault, startMariadb } from './mariadb.js'
import {
  isLocal,
  kafkaBrokers,
  kafkaVersion,
  mysqlUrl,
  postgresUrl,
  rabbitmqUrl,
  redisClusterNodes,
  redisUrl,
  servicesDir,
} from './places.js'
import { installPostgres, postgresFault, startPostgres } from './postgres.js'
import { installRabbitmq, rabbitmqFault, startRabbitmq } from './rabbitmq.js'
import { redisClusterFault, startRedisCluster } from './redis-cluster.js'
import { installRedis, redisFault, startRedis } from './redis.js'
import type { Server } from './server.js'

export interface Service {
  readonly name: string
  readonly address: string
  /** The variable of the environment that names another address. */
  readonly variable: string
  /** Set where the environment asks for one version. */
  readonly version?: string
  /** Why it cannot be used; undefined when it answers. */
  fault(): Promise<string | undefined>
  /** Starts it at its address; undefined when installing it was enough, because the system started it. */
  start(): Promise<Server | undefined>
}

export const services: readonly Service[] = [
  packaged('redis', 'HAPAX_TEST_REDIS', redisUrl, 6379, { fault: redisFault, install: installRedis, start: startRedis }),
  redisCluster(),
  packaged('postgres', 'HAPAX_TEST_POSTGRES', postgresUrl, 5432, { fault: postgresFault, install: installPostgres, start: startPostgres }),
  packaged('mariadb', 'HAPAX_TEST_MYSQL', mysqlUrl, 3306, { fault: mariadbFault, install: installMariadb, start: startMariadb }),
  packaged('rabbitmq', 'HAPAX_TEST_RABBITMQ', rabbitmqUrl, 5672, { fault: rabbitmqFault, install: installRabbitmq, start: startRabbitmq }),
  kafka(),
]

interface Means {
  fault(url: string): Promise<string | undefined>
  install(): Promise<void>
  start(options: { readonly port: number; readonly dir: string }): Promise<Server>
}

/** A server that the system has packages for. */
function packaged(name: string, variable: string, url: string, usualPort: number, means: Means): Service {
  const { hostname, port } = new URL(url)
  const number = Number(port || usualPort)
  const fault = () => means.fault(url)
  return {
    name,
    address: `${hostname}:${number}`,
    variable,
    fault,
    async start() {
      needLocal(hostname)
      await means.install()
      if ((await fault()) === undefined) return undefined
      const server = await means.start({ port: number, dir: join(servicesDir, `${name}-${number}`) })
      const reason = await fault()
      if (reason === undefined) return server
      await server.stop()
      throw new Error(`what can be started here has another user or database than is asked for: ${reason}`)
    },
  }
}

function redisCluster(): Service {
  const [first = ''] = redisClusterNodes
  const { hostname, port } = new URL(`redis://${first}`)
  return {
    name: 'redis-cluster',
    address: redisClusterNodes.join(','),
    variable: 'HAPAX_TEST_REDIS_CLUSTER',
    fault: () => redisClusterFault(redisClusterNodes),
    async start() {
      needLocal(hostname)
      await installRedis()
      return startRedisCluster({ port: Number(port), dir: join(servicesDir, `redis-cluster-${port}`) })
    },
  }
}

function kafka(): Service {
  const [broker = ''] = kafkaBrokers
  const { hostname, port } = new URL(`kafka://${broker}`)
  return {
    name: 'kafka',
    address: kafkaBrokers.join(','),
    variable: 'HAPAX_TEST_KAFKA',
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
