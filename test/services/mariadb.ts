import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { madeOnce } from './made-once.js'
import { install } from './packages.js'
import { locate, run } from './run.js'
import { runServer, type Server } from './server.js'
import type { Connection } from 'mysql2/promise'

export interface MariadbOptions {
  readonly port: number
  /** Its data, log and pid; data from an earlier run are used again. */
  readonly dir: string
  /** More arguments of mariadbd, such as `['--max-connections=10']`. */
  readonly args?: readonly string[]
}

export async function startMariadb({ port, dir, args = [] }: MariadbOptions): Promise<Server> {
  const server = locateMariadb()
  if (server === undefined) {
    throw new Error('MariaDB is missing: run `npm run services` once, or install it (on Debian: apt-get install mariadb-server)')
  }
  const data = join(dir, 'data')
  // It refuses root unless root is named.
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  await madeOnce(data, async (partial) => {
    const settings = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-name-resolve', '--skip-test-db']
    await run('mariadb-install-db', [...settings, `--datadir=${partial}`, ...user], join(dir, 'install.log'))
    // A folder is a database. The one that would be made here is latin1, whatever the server's character set.
    mkdirSync(join(partial, 'test'))
  })
  return runServer({
    name: 'MariaDB',
    host: '127.0.0.1',
    port,
    dir,
    command: server,
    args: [
      '--no-defaults',
      `--datadir=${data}`,
      ...user,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      // No socket file: the path of one may have about 100 characters, which a checkout's may exceed.
      '--socket=',
      '--skip-name-resolve',
      '--character-set-server=utf8mb4',
      // What was acknowledged outlives a SIGKILL: it was written, though a power cut may take its last second.
      '--innodb-flush-log-at-trx-commit=2',
      ...args,
    ],
    readyInMs: 30_000,
    fault: () => mariadbFault(`mysql://root@127.0.0.1:${port}/test`),
  })
}

export async function installMariadb(): Promise<void> {
  if (locateMariadb() !== undefined) return
  // Without the package that starts a server of its own on the usual port, one that lets root in by a socket only.
  const core = (part: string) => ['', '-10.6', '-10.5'].map((version) => `mariadb-${part}-core${version}`)
  await install('MariaDB', core('server'), core('client'))
}

/** Debian keeps it where only root's PATH leads. */
function locateMariadb(): string | undefined {
  return locate('mariadbd', '/usr/sbin')
}

/** Why the MariaDB or MySQL at this address cannot be used; undefined when it answers. */
export async function mariadbFault(url: string): Promise<string | undefined> {
  let connection: Connection | undefined
  try {
    connection = await createConnection({ uri: url, connectTimeout: 1_000 })
    await connection.query({ sql: 'select 1', timeout: 2_000 })
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    connection?.destroy()
  }
}
