import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { install } from './packages.js'
import { locate } from './run.js'
import { runServer, type Server } from './server.js'

export interface RabbitmqOptions {
  /** The two ports after it are taken as well. */
  readonly port: number
  /** Its data, log and pid; data from an earlier run are used again. */
  readonly dir: string
  /** More lines of rabbitmq.conf, such as `['consumer_timeout = 60000']`. */
  readonly settings?: readonly string[]
}

/** Killed, it may have lost what was declared in the two seconds before: RabbitMQ 3 keeps a declaration in memory for so long. */
export async function startRabbitmq({ port, dir, settings = [] }: RabbitmqOptions): Promise<Server> {
  const server = locateRabbitmq()
  if (server === undefined) {
    throw new Error('RabbitMQ is missing: run `npm run services` once, or install it (on Debian: apt-get install rabbitmq-server)')
  }
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'rabbitmq.conf'), [`listeners.tcp.1 = 127.0.0.1:${port}`, ...settings, ''].join('\n'))
  writeFileSync(join(dir, 'enabled_plugins'), '[].\n')
  return runServer({
    name: 'RabbitMQ',
    host: '127.0.0.1',
    port,
    dir,
    command: 'sh',
    // The register of Erlang's nodes: the one that Erlang starts by itself would outlive the server, this one is ended with it.
    args: ['-c', 'epmd & exec "$0"', server],
    env: environment(port, dir),
    readyInMs: 90_000,
    fault: () => rabbitmqFault(`amqp://guest:guest@127.0.0.1:${port}`),
  })
}

/** A node that knows nothing of the system's own: another name, other ports, other folders. */
function environment(port: number, dir: string): Record<string, string> {
  return {
    // Erlang keeps a node's password there.
    HOME: dir,
    // Else a shell stands before the server, and is all that a signal reaches.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: `hapax-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(port + 1),
    ERL_EPMD_PORT: String(port + 2),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: join(dir, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.conf'),
    RABBITMQ_CONFIG_FILES: join(dir, 'conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'generated'),
    RABBITMQ_SCHEMA_DIR: join(dir, 'schema'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(dir, 'rabbitmq.pid'),
  }
}

export async function installRabbitmq(): Promise<void> {
  if (locateRabbitmq() === undefined) await install('RabbitMQ', ['rabbitmq-server'])
}

/** The server's own script: the one on Debian's PATH runs it as another user. */
function locateRabbitmq(): string | undefined {
  return locate('rabbitmq-server', '/usr/lib/rabbitmq/bin')
}

/** Why the RabbitMQ at this address cannot be used; undefined when it answers. */
export async function rabbitmqFault(url: string): Promise<string | undefined> {
  try {
    const connection = await connect(url, { timeout: 2_000 })
    connection.on('error', () => {})
    await connection.close()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
