import { randomUUID } from 'node:crypto'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { openProxyTo } from '../../services/proxy.js'
import { mysqlUrl, postgresUrl } from '../../services/places.js'
import type { Proxy } from '../../services/proxy.js'

/** A database of its own, with the tables of the examples. */
export interface Database {
  readonly url: string
  ask(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Has them done in a transaction, and leaves it open. */
  begin(...texts: string[]): Promise<Other>
  /** Until a transaction waits for a lock. */
  somebodyWaits(): Promise<void>
  /** The same database behind a proxy of its own. */
  behindProxy(): Promise<{ readonly url: string; readonly proxy: Proxy }>
  drop(): Promise<void>
}

/** A transaction of somebody else. */
export interface Other {
  send(text: string): Promise<unknown>
  commit(): Promise<void>
}

const orders = [
  'create table orders (id varchar(64) primary key, item varchar(64) not null, quantity int not null)',
  'create table stock (item varchar(64) primary key, pieces int not null check (pieces >= 0))',
]

interface Client {
  readonly url: string
  ask: Database['ask']
  connect(): Promise<{ send(text: string): Promise<unknown>; end(): unknown }>
  /** Answers a row for each transaction in the database that waits for a lock. */
  readonly waiting: string
  /** Between two looks at what waits. */
  readonly pause: string
  end(): Promise<void>
}

function at(url: string, database: string): string {
  const there = new URL(url)
  there.pathname = database
  return there.href
}

function freshName(): string {
  return `hapax_test_${randomUUID().replaceAll('-', '').slice(0, 12)}`
}

export function openPostgres(): Promise<Database> {
  const checkedLate = 'create table checked_late (id text primary key deferrable initially deferred)'
  return open(postgresUrl, [...orders, checkedLate], (url) => {
    const pool = new Pool({ connectionString: url })
    return {
      url,
      ask: async (text) => (await pool.query<Record<string, unknown>>(text)).rows,
      async connect() {
        const client = await pool.connect()
        return { send: (text) => client.query(text), end: () => client.release(true) }
      },
      waiting: "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      pause: 'select pg_sleep(0.01)',
      end: () => pool.end(),
    }
  })
}

export function openMysql(): Promise<Database> {
  // Of those in a deadlock, the one that has changed the fewest rows gives way.
  const padding = [
    'create table padding (id int primary key, changes int not null)',
    `insert into padding values ${Array.from({ length: 100 }, (_, index) => `(${index}, 0)`).join()}`,
  ]
  return open(mysqlUrl, [...orders, ...padding], (url) => {
    const pool = createPool(url)
    return {
      url,
      ask: async (text) => (await pool.query(text))[0] as Record<string, unknown>[],
      async connect() {
        const connection = await pool.getConnection()
        return { send: (text) => connection.query(text), end: () => connection.destroy() }
      },
      waiting: `select 1 from information_schema.innodb_trx join information_schema.processlist on id = trx_mysql_thread_id
        where db = database() and trx_state = 'LOCK WAIT'`,
      // The table of transactions is made anew when nobody has read it for 100 ms.
      pause: 'select sleep(0.15)',
      end: () => pool.end(),
    }
  })
}

async function open(server: string, tables: readonly string[], connect: (url: string) => Client): Promise<Database> {
  const name = freshName()
  const outside = connect(server)
  await outside.ask(`create database ${name}`)
  const inside = connect(at(server, name))
  for (const each of tables) await inside.ask(each)
  const proxies: Proxy[] = []
  return {
    url: inside.url,
    ask: inside.ask,
    async begin(...texts) {
      const client = await inside.connect()
      await client.send('begin')
      for (const each of texts) await client.send(each)
      return {
        send: client.send,
        async commit() {
          await client.send('commit')
          client.end()
        },
      }
    },
    async somebodyWaits() {
      while ((await inside.ask(inside.waiting)).length === 0) await inside.ask(inside.pause)
    },
    async behindProxy() {
      const proxy = await openProxyTo(inside.url, server.startsWith('mysql') ? 3306 : 5432)
      proxies.push(proxy)
      return { url: proxy.url, proxy }
    },
    async drop() {
      await inside.end()
      for (const each of proxies) each.close()
      await outside.ask(`drop database ${name}`)
      await outside.end()
    },
  }
}
