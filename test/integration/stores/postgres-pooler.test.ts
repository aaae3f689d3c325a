import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { outboxSuite, storeSuite, transactionalStoreSuite } from 'hapax/testing'
import { install, mayInstall } from '../../services/packages.js'
import { postgresUrl } from '../../services/places.js'
import { claimed, conflict, makeTables } from './postgres-table.js'
import { freshName } from './table.js'
import type { ChildProcess } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import type { PoolClient } from 'pg'
import type { Proxy } from '../../services/proxy.js'

const installed = (): RegExpExecArray | null =>
  /PgBouncer (\d+)\.(\d+)/.exec(spawnSync('pgbouncer', ['--version'], { encoding: 'utf8' }).stdout ?? '')
// In CI it fails, and says what is missing, where it may not install.
if (!installed() && (mayInstall() || process.env.CI)) await install('PgBouncer', ['pgbouncer'])
const version = installed()
/** Knows the prepared statements of its clients, and carries them from one server connection to another. */
const knowsNames = version !== null && Number(version[1]) * 1_000 + Number(version[2]) >= 1_021
const name = `PgBouncer ${version ? `${version[1]}.${version[2]}` : '(not installed: apt-get install pgbouncer)'} in transaction mode`

describe.skipIf(!version)(name, () => {
  const { table, rows, pool, has, forget, openPool } = makeTables()
  const dir = mkdtempSync(join(tmpdir(), 'hapax-pgbouncer-'))
  let bouncer: ChildProcess
  let url = ''

  beforeAll(async () => {
    const { hostname, port, pathname, username } = new URL(postgresUrl)
    const listening = createServer().listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const own = (listening.address() as AddressInfo).port
    listening.close()
    await once(listening, 'close')
    const database = pathname.slice(1)
    // Fewer connections than clients, so that these share them.
    const settings = [
      `[databases]\n${database} = host=${hostname} port=${port || 5432} dbname=${database} user=${username}\n[pgbouncer]`,
      `listen_addr = 127.0.0.1\nlisten_port = ${own}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 24`,
      'ignore_startup_parameters = extra_float_digits,options',
      ...(knowsNames ? ['max_prepared_statements = 200'] : []),
    ]
    writeFileSync(join(dir, 'pgbouncer.ini'), settings.join('\n'))
    chmodSync(dir, 0o755)
    const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    bouncer = spawn('pgbouncer', [...asUser, join(dir, 'pgbouncer.ini')], { stdio: 'ignore' })
    url = `postgres://${username}@127.0.0.1:${own}/${database}`
    const probe = new Pool({ connectionString: url })
    await vi.waitFor(() => probe.query('select 1'), { timeout: 20_000, interval: 50 })
    await probe.end()
  })
  afterAll(async () => {
    const ended = once(bouncer, 'exit')
    bouncer.kill('SIGTERM')
    setTimeout(() => bouncer.kill('SIGKILL'), 2_000).unref()
    await ended
    rmSync(dir, { recursive: true, force: true })
  })

  const proxies = new WeakMap<object, Proxy>()
  const open = async () => {
    const opened = await openPool({}, url)
    const store = postgresStore(opened.pool, { table, prepare: knowsNames, idleLimitMs: 60_000 })
    proxies.set(store, opened.proxy)
    return { store, close: opened.close }
  }
  const suite = [
    ...storeSuite({ open, forget, openUnreachable: { cannot: 'that is tested without it' } }),
    ...transactionalStoreSuite<PoolClient>({
      open,
      write: async (tx, row) => void (await tx.query(`insert into ${rows} values ($1)`, [row])),
      has,
      conflict,
      loseNextCommit: async (store) => proxies.get(store)?.cutAt('after', 'commit'),
    }),
    ...outboxSuite<PoolClient>({
      wakes: false,
      sideBySide: true,
      async open() {
        const own = freshName()
        await postgresOutbox(pool, { table: own }).applySchema()
        return {
          openHandle() {
            const through = new Pool({ connectionString: url })
            const outbox = postgresOutbox(through, { table: own, prepare: knowsNames, notify: false })
            const store = postgresStore(through, { table, prepare: knowsNames })
            return { outbox, transaction: (run) => store.transaction(run), close: () => through.end() }
          },
          close: async () => void (await pool.query(`drop table ${own}, ${own}_lanes`)),
        }
      },
    }),
  ]
  for (const each of suite) test(each.name, each.run)

  test('with prepared statements left on, claims find out and go on without', async () => {
    const opened = await openPool({ max: 20 }, url)
    const store = postgresStore(opened.pool, { table })
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const claim = await claimed(store, `named-${index}`)
        expect(await store.renew(claim, 60_000)).toBe(true)
        expect(await store.complete(claim, 60_000)).toBe(true)
      }),
    )
    await opened.close()
  })
})
