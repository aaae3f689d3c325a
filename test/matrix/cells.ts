import { dirname, join } from 'node:path'
import { nodeBinary, nodeVersions } from '../package/nodes.js'
import { startKafka } from '../services/kafka.js'
import { clientCheckout, lowestClients } from './clients.js'
import { matrixDir, root } from './places.js'

/** One run of the suites, in which one thing is of another version than usual. */
export interface Cell {
  readonly name: string
  readonly about: string
  /** Vitest's arguments: which of the tests. */
  readonly tests: readonly string[]
  /** Fetches and starts what is needed. */
  prepare(): Promise<Surroundings>
}

export interface Surroundings {
  /** The checkout in which the tests are run. @default this one */
  readonly cwd?: string
  /** The Node that runs them. @default this one */
  readonly node?: string
  readonly env?: Readonly<Record<string, string>>
  close?(): Promise<void>
}

const kafkaVersions = ['3.9.1', '4.3.1'] as const
/** Of a server that is there while its cell runs; its controller has the port after it. The next version has the two after that. */
const kafkaPort = 19_592

export function cells(): readonly Cell[] {
  return [...nodeVersions.map(nodeCell), ...kafkaVersions.map(kafkaCell), ...lowestClients().map(clientCell)]
}

function nodeCell(version: string): Cell {
  return {
    name: `node-${version}`,
    about: 'unit and integration tests, all servers and clients as usual',
    tests: ['--project', 'unit', '--project', 'integration'],
    async prepare() {
      const node = nodeBinary(version)
      // What the tests start by name is of the same version.
      return { node, env: { PATH: `${dirname(node)}:${process.env.PATH}` } }
    },
  }
}

function kafkaCell(version: string, index: number): Cell {
  const port = kafkaPort + 2 * index
  return {
    name: `kafka-${version}`,
    about: 'the tests on Kafka, and the pipelines',
    tests: ['--project', 'integration', 'integration/transports/kafka', 'integration/pipelines/pipelines', '-t', '^(?!RabbitMQ and )'],
    async prepare() {
      const server = await startKafka({ version, port, dir: join(matrixDir, `kafka-${version}`) })
      return { env: { HAPAX_KAFKA_VERSION: version, HAPAX_TEST_KAFKA: `127.0.0.1:${port}` }, close: () => server.stop() }
    },
  }
}

/** Which tests a client library has its part in, and which of the pipelines it has none in. */
const testsOf: Readonly<Record<string, readonly string[]>> = {
  amqplib: ['integration/transports/rabbitmq', 'integration/pipelines/pipelines', '-t', '^(?!Kafka and )'],
  ioredis: ['integration/stores/redis', 'integration/pipelines/pipelines', '-t', '^(?!\\w+ and (PostgreSQL|MariaDB))'],
  kafkajs: ['integration/transports/kafka', 'integration/pipelines/pipelines', '-t', '^(?!RabbitMQ and )'],
  mysql2: [
    'integration/stores/mysql',
    'integration/stores/killed',
    'integration/pipelines/pipelines',
    '-t',
    '^(?!\\w+ and (Redis|PostgreSQL))',
  ],
  pg: [
    'integration/stores/postgres',
    'integration/stores/killed',
    'integration/pipelines/pipelines',
    '-t',
    '^(?!\\w+ and (Redis|MariaDB))',
  ],
}

function clientCell({ name, version }: { readonly name: string; readonly version: string }): Cell {
  const tests = testsOf[name]
  if (tests === undefined) throw new Error(`test/matrix/cells.ts does not say which tests ${name} has its part in`)
  return {
    name: `${name}-${version}`,
    about: `its tests, with the oldest ${name} that is allowed`,
    tests: ['--project', 'integration', ...tests],
    prepare: async () => ({ cwd: clientCheckout(root, name, version) }),
  }
}
