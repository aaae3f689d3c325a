/** Stores under transports: the same cases for each pair. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { mysqlStore } from 'hapax/stores/mysql'
import { postgresStore } from 'hapax/stores/postgres'
import { redisStore } from 'hapax/stores/redis'
import { sqliteStore } from 'hapax/stores/sqlite'
import { pipelineSuite } from 'hapax/testing'
import { mysqlUrl, postgresUrl, redisClusterNodes, redisUrl } from '../../services/places.js'
import { openLab as openKafkaLab } from '../transports/kafka-lab.js'
import { openLab as openRabbitmqLab, orderingKeyOf, textsOf } from '../transports/rabbitmq-lab.js'
import type { Store } from 'hapax'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { PipelineBench, SuiteCase } from 'hapax/testing'

const delaysMs = [200, 1_000] as const

/** Records that nobody used before. */
interface Records {
  /** A handle of one more process, with connections of its own where it has some. */
  store(): Store
  close(): Promise<void>
}

const stores = {
  async Redis(): Promise<Records> {
    const prefix = `pipeline-${randomUUID()}:`
    const clients: Redis[] = []
    return {
      store() {
        const client = new Redis(redisUrl)
        clients.push(client)
        return redisStore(client, { prefix })
      },
      close: async () => void (await Promise.all(clients.map((client) => client.quit()))),
    }
  },
  async 'Redis Cluster'(): Promise<Records> {
    const prefix = `pipeline-${randomUUID()}:`
    const clients: Cluster[] = []
    return {
      store() {
        const client = new Cluster(redisClusterNodes.map((node) => `redis://${node}`))
        clients.push(client)
        return redisStore(client, { prefix })
      },
      close: async () => void (await Promise.all(clients.map((client) => client.quit()))),
    }
  },
  async PostgreSQL(): Promise<Records> {
    const table = freshTable()
    const pools = [new Pool({ connectionString: postgresUrl })]
    const [first] = pools
    await postgresStore(first as Pool, { table }).applySchema()
    return {
      store() {
        const pool = new Pool({ connectionString: postgresUrl, max: 4 })
        pools.push(pool)
        return postgresStore(pool, { table })
      },
      async close() {
        await first?.query(`drop table ${table}`)
        await Promise.all(pools.map((pool) => pool.end()))
      },
    }
  },
  async MariaDB(): Promise<Records> {
    const table = freshTable()
    const first = createPool(mysqlUrl)
    const pools = [first]
    await mysqlStore(first, { table }).applySchema()
    return {
      store() {
        const pool = createPool({ uri: mysqlUrl, connectionLimit: 4 })
        pools.push(pool)
        return mysqlStore(pool, { table })
      },
      async close() {
        await first.query(`drop table if exists ${table}, ${table}_slots`)
        await Promise.all(pools.map((pool) => pool.end()))
      },
    }
  },
  /** Only where this Node has `node:sqlite`. */
  async SQLite(): Promise<Records> {
    const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as { DatabaseSync: new (file: string) => SqliteHandle }
    const folder = mkdtempSync(join(tmpdir(), 'hapax-pipeline-'))
    const file = join(folder, 'app.db')
    const made = [sqliteStore(() => new DatabaseSync(file))]
    await made[0]?.applySchema()
    return {
      store() {
        const store = sqliteStore(() => new DatabaseSync(file))
        made.push(store)
        return store
      },
      async close() {
        for (const store of made) await store.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
}

function freshTable(): string {
  return `hapax_test_${randomUUID().replaceAll('-', '').slice(0, 12)}`
}

type Opened = Omit<PipelineBench, 'store'>

const transports = {
  async Kafka(): Promise<Opened> {
    const lab = await openKafkaLab({ partitions: 3 })
    const idOf = (groupId: string): string => `${groupId}-${lab.groupId}`
    return {
      transport: ({ groupId, ...asked }) =>
        lab.transport({ ...asked, groupId: idOf(groupId), startFrom: 'earliest', delayStepsMs: delaysMs, sessionTimeoutMs: 6_000 }),
      publish: (messages) => lab.publish(messages.map((message) => ({ ...message, destination: lab.topic }))),
      deadLetters: (groupId) => lab.deadLetters(`${lab.topic}.${idOf(groupId)}.dlt`),
      close: () => lab.close(),
    }
  },
  async RabbitMQ(): Promise<Opened> {
    const lab = await openRabbitmqLab({ queueType: 'quorum' })
    const queueOf = (groupId: string): string => `${lab.queue}.${groupId}`
    await lab.bind(queueOf('one'))
    await lab.bind(queueOf('two'))
    return {
      transport: ({ groupId, ...asked }) => lab.transport({ ...asked, queue: queueOf(groupId), delayStepsMs: delaysMs }),
      publish: lab.publish,
      async deadLetters(groupId) {
        const letters = await lab.read(`${queueOf(groupId)}.dlq`)
        return letters.map(({ bytes, headers }) => ({ bytes, headers: textsOf(headers), orderingKey: orderingKeyOf(headers) }))
      },
      close: () => lab.close(),
    }
  },
}

type TransportName = keyof typeof transports

const everyTransport = Object.keys(transports) as readonly TransportName[]

/** The pipeline suite on each of these stores under each of these transports, by pair. */
export function pairCases(
  names: readonly (keyof typeof stores)[],
  under: readonly TransportName[] = everyTransport,
): Readonly<Record<string, readonly SuiteCase[]>> {
  const groups: Record<string, readonly SuiteCase[]> = {}
  for (const transport of under) {
    for (const name of names) {
      const open = async (): Promise<PipelineBench> => {
        const records = await stores[name]()
        const opened = await transports[transport]()
        return {
          ...opened,
          store: () => records.store(),
          async close() {
            await opened.close()
            await records.close()
          },
        }
      }
      // Cases run side by side, and others wait for their turn on the same two cores: a short lease would be over before its time.
      groups[`${transport} and ${name}`] = pipelineSuite({ open, delaysMs, leaseMs: 3_000, patienceMs: 60_000 })
    }
  }
  return groups
}
