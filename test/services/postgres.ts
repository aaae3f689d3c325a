import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { madeOnce } from './made-once.js'
import { install, mayInstall } from './packages.js'
import { ask, locate, run } from './run.js'
import { runServer, type Server } from './server.js'

export interface PostgresOptions {
  readonly port: number
  /** Its data, log and pid; data from an earlier run of the same major version are used again. */
  readonly dir: string
  /** More arguments of postgres, such as `['-c', 'max_connections=10']`. */
  readonly args?: readonly string[]
}

export async function startPostgres({ port, dir, args = [] }: PostgresOptions): Promise<Server> {
  const server = locatePostgres()
  if (server === undefined) {
    throw new Error('PostgreSQL is missing: run `npm run services` once, or install it (on Debian: apt-get install postgresql)')
  }
  const major = /\d+/.exec(ask(server, '--version') ?? '')?.[0]
  const data = join(dir, `data-${major}`)
  await madeOnce(data, (partial) => {
    const settings = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
    return run(...asPostgres(join(dirname(server), 'initdb'), ['-D', partial, ...settings]), join(dir, 'initdb.log'))
  })
  // What was acknowledged outlives a SIGKILL without fsync: it was written, though a power cut may take it.
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off']
  const [command, all] = asPostgres(server, ['-D', data, '-p', String(port), ...settings, ...args])
  return runServer({
    name: 'PostgreSQL',
    host: '127.0.0.1',
    port,
    dir,
    command,
    args: all,
    // SIGTERM would wait until the last client has gone.
    stopBy: 'SIGINT',
    readyInMs: 30_000,
    fault: () => postgresFault(`postgres://postgres@127.0.0.1:${port}/postgres`),
  })
}

/** PostgreSQL refuses root; for root it runs as the user that its package has made. */
function asPostgres(command: string, args: readonly string[]): [command: string, args: readonly string[]] {
  if (process.getuid?.() !== 0) return [command, args]
  const user = ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups']
  // The folder may be where only root can go, such as below /root: what is kept of root is its way past the permissions of files.
  return ['setpriv', [...user, '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override', command, ...args]]
}

export async function installPostgres(): Promise<void> {
  if (locatePostgres() !== undefined) return
  // Debian's package would start a server of its own on the usual port, one that asks for passwords.
  const settings = '/etc/postgresql-common/createcluster.d/hapax-tests.conf'
  if (mayInstall()) {
    mkdirSync(dirname(settings), { recursive: true })
    writeFileSync(settings, 'create_main_cluster = false\n')
  }
  try {
    await install('PostgreSQL', ['postgresql'])
  } finally {
    rmSync(settings, { force: true })
  }
}

/** The newest version: Debian keeps them side by side, and none is on the PATH. */
function locatePostgres(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((one, other) => Number(other) - Number(one)) : []
  return locate('postgres', ...versions.map((version) => join(root, version, 'bin')))
}

/** Why the PostgreSQL at this address cannot be used; undefined when it answers. */
export async function postgresFault(url: string): Promise<string | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000, query_timeout: 2_000 })
  // A connection that breaks while it is idle says so here.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    await client.end().catch(() => {})
  }
}
