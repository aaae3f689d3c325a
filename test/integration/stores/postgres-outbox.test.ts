import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { outboxSuite } from 'hapax/testing'
import { postgresUrl } from '../../services/places.js'
import { tellsTransactions } from './postgres-table.js'
import { behindProxy, freshName } from './table.js'
import type { Transaction } from 'kysely'
import type { PoolClient } from 'pg'
import type { Outgoing, Publisher } from 'hapax'
import type { PostgresBridge } from 'hapax/stores/postgres'

const admin = new Pool({ connectionString: postgresUrl })
afterAll(() => admin.end())

async function withTable(play: (table: string) => Promise<void>): Promise<void> {
  const table = freshName()
  await postgresOutbox(admin, { table }).applySchema()
  try {
    await play(table)
  } finally {
    await admin.query(`drop table ${table}, ${table}_lanes`)
  }
}

const freshTable = async (): Promise<{ readonly table: string; close(): Promise<void> }> => {
  const table = freshName()
  await postgresOutbox(admin, { table }).applySchema()
  return { table, close: async () => void (await admin.query(`drop table ${table}, ${table}_lanes`)) }
}

describe('the PostgreSQL outbox', () => {
  const suite = outboxSuite<PoolClient>({
    wakes: true,
    sideBySide: true,
    async open() {
      const { table, close } = await freshTable()
      return {
        openHandle() {
          const pool = new Pool({ connectionString: postgresUrl })
          const outbox = postgresOutbox(pool, { table })
          const store = postgresStore(pool, { table })
          return { outbox, transaction: (run) => store.transaction(run), close: () => pool.end() }
        },
        close,
      }
    },
  })
  for (const { name, run } of suite) test(name, run)
})

describe('the PostgreSQL outbox through a bridge, on connections that are serializable, with nothing prepared', () => {
  type Tx = Transaction<Record<never, never>>
  const suite = outboxSuite<Tx>({
    wakes: false,
    sideBySide: true,
    async open() {
      const { table, close } = await freshTable()
      return {
        openHandle() {
          const pool = new Pool({ connectionString: postgresUrl, options: '-c default_transaction_isolation=serializable' })
          const db = new Kysely<Record<never, never>>({ dialect: new PostgresDialect({ pool }) })
          const bridge: PostgresBridge<Tx> = {
            query: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
            queryIn: (tx, text, values) => tx.executeQuery(CompiledQuery.raw(text, values)),
            transaction: (run) => db.transaction().execute(run),
          }
          const outbox = postgresOutbox(bridge, { table, notify: false, prepare: false })
          // Whoever works under SERIALIZABLE runs a transaction again that gave way to another one, such as a relay's.
          const transaction = async <Value>(run: (tx: Tx) => Promise<Value>): Promise<Value> => {
            for (;;) {
              try {
                return await bridge.transaction(run)
              } catch (error) {
                if ((error as { code?: unknown }).code !== '40001') throw error
              }
            }
          }
          return { outbox, transaction, close: () => db.destroy() }
        },
        close,
      }
    },
  })
  for (const { name, run } of suite) test(name, run)
})

const order: Outgoing = { destination: 'orders', body: 'x', orderingKey: 'order-1' }

/** A publisher, and how to wait until it has had so many. */
function openArrivals(): { readonly publisher: Publisher; arrived(count: number): Promise<void> } {
  let count = 0
  const waiting = new Set<() => void>()
  return {
    publisher: {
      async publish(messages) {
        count += messages.length
        for (const wake of waiting) wake()
      },
    },
    async arrived(wanted) {
      while (count < wanted) await new Promise<void>((resolve) => waiting.add(resolve))
    },
  }
}

describe('a producer', () => {
  test('stores messages in a transaction of its own, and not on a pool or on a client that is in none', () =>
    withTable(async (table) => {
      const outbox = postgresOutbox(admin, { table })
      const client = await admin.connect()
      try {
        await client.query('begin')
        await outbox.send(client, order)
        await client.query('rollback')
        expect((await outbox.depth()).waiting).toBe(0)
        await client.query('begin')
        await outbox.send(client, [order, order])
        await client.query('commit')
        expect((await outbox.depth()).waiting).toBe(2)
        if (tellsTransactions) await expect(outbox.send(client, order)).rejects.toThrow(/No transaction is open/)
      } finally {
        client.release()
      }
      await expect(outbox.send(admin as never, order)).rejects.toThrow(/tx is a pool/)
      expect((await outbox.depth()).waiting).toBe(2)
    }))

  test('meets no message of others under the same name in another schema', () =>
    withTable(async (table) => {
      const schema = freshName()
      await admin.query(`create schema ${schema}`)
      try {
        const there = postgresOutbox(admin, { table, schema })
        await there.applySchema()
        const store = postgresStore(admin)
        await store.transaction((tx) => there.send(tx, order))
        expect((await there.depth()).waiting).toBe(1)
        expect((await postgresOutbox(admin, { table }).depth()).waiting).toBe(0)
      } finally {
        await admin.query(`drop schema ${schema} cascade`)
      }
    }))
})

describe('a relay', () => {
  test('whose listening connection is cut listens on another one', () =>
    withTable(async (table) => {
      const { pool, proxy, close } = await behindProxy(postgresUrl, 5432, (connectionString) => {
        const made = new Pool({ connectionString })
        made.on('error', () => undefined)
        return made
      })
      const { publisher, arrived } = openArrivals()
      const relay = await postgresOutbox(pool, { table }).relay(publisher, { pollMs: 600_000 })
      const send = (): Promise<void> => postgresStore(admin).transaction((tx) => postgresOutbox(admin, { table }).send(tx, order))
      await send()
      await arrived(1)
      proxy.cut()
      // Whatever was told while nobody listened is found when it listens again.
      await send()
      await arrived(2)
      await send()
      await arrived(3)
      await relay.stop()
      await close()
    }))

  test('gives the connection that it listened on back when it stops', () =>
    withTable(async (table) => {
      const pool = new Pool({ connectionString: postgresUrl, max: 4 })
      const relay = await postgresOutbox(pool, { table }).relay(openArrivals().publisher)
      await relay.stop()
      expect(pool.totalCount - pool.idleCount).toBe(0)
      await pool.end()
    }))

  test('that stops while it waits for a connection to listen on gives that back, too', () =>
    withTable(async (table) => {
      const pool = new Pool({ connectionString: postgresUrl, max: 2, application_name: table })
      pool.on('error', () => undefined)
      const relay = await postgresOutbox(pool, { table }).relay(openArrivals().publisher, { pollMs: 600_000, concurrency: 1 })
      const one = await pool.connect()
      // Stands in line before the relay, and so has the place of the connection that it listened on.
      const other = pool.connect()
      await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query like 'listen%'", [
        table,
      ])
      const taken = [one, await other]
      await expect.poll(() => pool.waitingCount).toBeGreaterThan(0)
      await relay.stop()
      for (const client of taken) client.release()
      await pool.end()
    }))

  test('does not take the only connection of a pool to listen on', () =>
    withTable(async (table) => {
      const pool = new Pool({ connectionString: postgresUrl, max: 1 })
      const { publisher, arrived } = openArrivals()
      const relay = await postgresOutbox(pool, { table }).relay(publisher, { pollMs: 20 })
      await postgresStore(admin).transaction((tx) => postgresOutbox(admin, { table }).send(tx, order))
      await arrived(1)
      await relay.stop()
      await pool.end()
    }))
})

describe('a schema', () => {
  test('that is missing, or is not ours, is refused with what to do', () =>
    withTable(async (table) => {
      const { publisher } = openArrivals()
      const missing = postgresOutbox(admin, { table: freshName() })
      await expect(missing.relay(publisher)).rejects.toThrow(/There is no table .*Call applySchema\(\) once, or run this/s)
      await admin.query(`alter table ${table} drop column reason`)
      await expect(postgresOutbox(admin, { table }).relay(publisher)).rejects.toThrow(/reason must be text, and is missing/)
      await admin.query(`alter table ${table} add column reason text`)
      const role = freshName()
      await admin.query(`create role ${role} login; grant select, insert on ${table}, ${table}_lanes to ${role}`)
      const url = new URL(postgresUrl)
      url.username = role
      const poor = new Pool({ connectionString: url.href })
      await expect(postgresOutbox(poor, { table }).relay(publisher)).rejects.toThrow(/run grant UPDATE, DELETE on/)
      await poor.end()
      await admin.query(`drop owned by ${role}; drop role ${role}`)
    }))

  test('is made once, by however many at the same time', async () => {
    const table = freshName()
    const outbox = postgresOutbox(admin, { table })
    await Promise.all(Array.from({ length: 8 }, () => outbox.applySchema()))
    await outbox.table.check()
    const text = outbox.createTable
    await admin.query(`drop table ${table}, ${table}_lanes`)
    await admin.query(text)
    await outbox.table.check()
    await admin.query(`drop table ${table}, ${table}_lanes`)
  })

  test('has a name that cannot inject', () => {
    for (const table of ['a; drop table b', 'a"b', '', '1a', 'a'.repeat(49), undefined]) {
      if (table !== undefined) expect(() => postgresOutbox(admin, { table })).toThrow(/table must be a name/)
    }
    expect(() => postgresOutbox(admin, { schema: 'a.b' })).toThrow(/schema must be a name/)
    expect(() => postgresOutbox({ query: () => Promise.resolve([]) } as never)).toThrow(/database must be/)
  })
})
