import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaJars } from './kafka/jars.js'
import { properties, type Proxied } from './kafka/properties.js'
import { kafkaVersion } from './places.js'
import { run } from './run.js'
import { runServer, type Server } from './server.js'

export interface KafkaOptions {
  /** The controller takes the port after it. */
  readonly port: number
  /** Its data, log and pid; data from an earlier run of the same version are used again. */
  readonly dir: string
  /** @default HAPAX_KAFKA_VERSION, else 4.3.1 */
  readonly version?: string
  /** Another port that it listens on, and where it tells the clients that come that way that it is: that of a proxy. */
  readonly proxied?: Proxied | undefined
}

export async function startKafka({ port, dir, version = kafkaVersion, proxied }: KafkaOptions): Promise<Server> {
  const java = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(await kafkaJars(version), '*')]
  const settings = join(dir, 'server.properties')
  mkdirSync(dir, { recursive: true })
  writeFileSync(settings, properties(port, join(dir, 'data'), proxied))
  // A fixed cluster id makes formatting repeatable: with another one, data that are there already are refused.
  const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', 'aGFwYXgtdGVzdHMtaHBYMA', '-c', settings]
  await run('java', [...java, ...format], join(dir, 'format.log'))
  return runServer({
    name: `Kafka ${version}`,
    host: '127.0.0.1',
    port,
    dir,
    command: 'java',
    // Small and quick to start: a broker for tests needs neither the parallel collector nor the second compiler.
    args: ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...java, 'kafka.Kafka', settings],
    readyInMs: 90_000,
    fault: () => kafkaFault([`127.0.0.1:${port}`]),
  })
}

/** Why the Kafka at these addresses cannot be used; undefined when it answers and can serve consumer groups. */
export async function kafkaFault(brokers: readonly string[]): Promise<string | undefined> {
  const admin = new Kafka({
    brokers: [...brokers],
    connectionTimeout: 500,
    requestTimeout: 2_000,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  }).admin()
  try {
    await admin.connect()
    const { brokers: registered, controller } = await admin.describeCluster()
    if (registered.length === 0 || controller === null) return 'no broker is registered yet'
    // Makes and loads the offsets topic, without which the first group to join may be told to come back later.
    await admin.fetchOffsets({ groupId: 'warm-up' })
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
