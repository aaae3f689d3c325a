import { PGlite } from '@electric-sql/pglite'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { describe, expect, test } from 'vitest'
import { hasCode, inbox } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import { storeSuite, transactionalStoreSuite } from 'hapax/testing'
import { bridgeTransactions } from '../../../adapters/stores/postgres/transactions.js'
import { claimed, conflict, long, makeTables } from './postgres-table.js'
import type { Transaction } from 'kysely'
import type { PostgresBridge } from 'hapax/stores/postgres'
import type { Proxy } from '../../services/proxy.js'

const { table, rows, pool, has, forget, openPool } = makeTables()
const window = { windowMs: 600_000 }

interface Database {
  readonly effects: { name: string }
}
type Tx = Transaction<Database>

function bridgeTo(own: Pool): PostgresBridge<Tx> {
  // #region kysely
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: own }) })
  // Kysely does not listen to the connections that it holds, and one that is cut would end the process.
  own.on('connect', (client) => client.on('error', () => undefined))

  const bridge: PostgresBridge<Transaction<Database>> = {
    query: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
    queryIn: (tx, text, values) => tx.executeQuery(CompiledQuery.raw(text, values)),
    transaction: (run) => db.transaction().execute(run),
  }
  // #endregion
  return bridge
}
const write = (tx: Tx, row: string) => tx.executeQuery(CompiledQuery.raw(`insert into ${rows} values ($1)`, [row]))

describe('a bridge to Kysely', () => {
  const proxies = new WeakMap<object, Proxy>()
  const open = async () => {
    const opened = await openPool()
    const store = postgresStore(bridgeTo(opened.pool), { table, idleLimitMs: 60_000 })
    proxies.set(store, opened.proxy)
    return { store, close: opened.close }
  }
  const suites = {
    'claims by lease': storeSuite({
      open,
      openUnreachable() {
        const own = new Pool({ host: '127.0.0.1', port: 1 })
        return { store: postgresStore(bridgeTo(own), { table }), close: () => own.end() }
      },
      forget,
    }),
    'claims in transactions': transactionalStoreSuite<Tx>({
      open,
      write: async (tx, row) => void (await write(tx, row)),
      has,
      conflict,
      loseNextCommit: async (store) => proxies.get(store)?.cutAt('after', 'commit'),
    }),
  }
  for (const [part, suite] of Object.entries(suites)) {
    describe(part, () => {
      for (const each of suite) test(each.name, each.run)
    })
  }

  const store = postgresStore(bridgeTo(pool), { table })
  const free = async (record: string) => expect(await claimed(store, record)).toMatchObject({ attempts: 0, lapses: 0 })

  test('says so when a statement had failed in the transaction and the library commits all the same', async () => {
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'swallowed', window)
      await write(tx, 'swallowed')
      await tx.executeQuery(CompiledQuery.raw('select 1 / 0')).catch(() => undefined)
    })
    await expect(run).rejects.toThrow('A savepoint keeps')
    expect(await has('swallowed')).toBe(false)
    await free('swallowed')
  })

  test('tells a commit that was refused from one whose answer was lost', async () => {
    const refused = store.transaction(async (tx) => {
      await store.claimIn(tx, 'refused', window)
      await write(tx, 'twice')
      await write(tx, 'twice')
    })
    await expect(refused).rejects.toMatchObject({ code: '23505' })
    await free('refused')
    const cuts = [
      ['before', 'select 1'],
      ['before', 'commit'],
      ['after', 'commit'],
    ] as const
    for (const [index, [when, text]] of cuts.entries()) {
      const opened = await openPool()
      const cutting = postgresStore(bridgeTo(opened.pool), { table })
      const run = cutting.transaction(async (tx) => {
        await cutting.claimIn(tx, `cut ${index}`, window)
        opened.proxy.cutAt(when, text)
      })
      await expect(run).rejects.toSatisfy((error) => hasCode(error, 'commit-unknown'))
      const status = when === 'after' ? 'duplicate' : 'claimed'
      await expect.poll(() => store.claim(`cut ${index}`, { nonce: 'another', ...long })).toMatchObject({ status })
      await opened.close()
    }
  })

  test('sets the idle limit for its own transactions', async () => {
    const limited = postgresStore(bridgeTo(pool), { table, idleLimitMs: 12_345 })
    const shown = await limited.transaction((tx) => tx.executeQuery(CompiledQuery.raw('show idle_in_transaction_session_timeout')))
    expect(shown.rows).toEqual([{ idle_in_transaction_session_timeout: '12345ms' }])
    const { rows: afterwards } = await pool.query('show idle_in_transaction_session_timeout')
    expect(afterwards).toEqual([{ idle_in_transaction_session_timeout: '0' }])
  })

  test('sends in transactions of a store, and in those of the user that are open', async () => {
    const bridge = bridgeTo(pool)
    const { sendInAny } = bridgeTransactions(bridge, undefined)
    const insert = (row: string) => ({ text: `insert into ${rows} values ($1)`, values: [row] })
    let late: Tx | undefined
    await store.transaction(async (tx) => {
      late = tx
      await sendInAny(tx, insert('handed out to kysely'))
    })
    await expect(sendInAny(late, insert('late'))).rejects.toThrow('This transaction is over')
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
    await db.transaction().execute((tx) => sendInAny(tx, insert('begun by kysely')))
    await expect(sendInAny(db, insert('by itself'))).rejects.toThrow('No transaction is open')
    const there = await Promise.all(['handed out to kysely', 'begun by kysely', 'late', 'by itself'].map(has))
    expect(there).toEqual([true, true, false, false])
  })

  test('serves an inbox', async () => {
    const handle = inbox(async (order: { readonly id: string }, { tx }) => void (await write(tx, order.id)), {
      store,
      scope: 'kysely',
      key: (order) => order.id,
    })
    const results = await Promise.all(Array.from({ length: 5 }, () => handle.once({ id: 'through kysely' })))
    expect(results.filter(({ status }) => status === 'handled')).toHaveLength(1)
    expect(await has('through kysely')).toBe(true)
  })
})

describe('PGlite, for claims by lease', () => {
  const opening = (async () => {
    const lite = await PGlite.create()
    await postgresStore(lite).applySchema()
    return lite
  })()
  const suite = storeSuite({
    open: async () => ({ store: postgresStore(await opening), close: () => undefined }),
    openUnreachable: { cannot: 'it is inside this process' },
    forget: async (record) => void (await (await opening).query('delete from hapax_records where record = $1', [Buffer.from(record)])),
  })
  for (const each of suite) test(each.name, each.run)

  test('is swept, and has no transactions', async () => {
    const lite = await opening
    const store = postgresStore(lite)
    expect(store).not.toHaveProperty('transaction')
    expect(store).not.toHaveProperty('claimIn')
    await store.claim('over', { nonce: 'a nonce', leaseMs: 1, memoryMs: 1 })
    await new Promise((resolve) => setTimeout(resolve, 10))
    await store.sweep()
    const { rows: left } = await lite.query("select record from hapax_records where record = 'over'::bytea")
    expect(left).toEqual([])
    await lite.close()
  })
})
