import assert from 'node:assert/strict'
import { hasCode } from 'hapax'
import { sqliteStore } from 'hapax/stores/sqlite'
import { claimed, inPlace, longWindow, makePlace, statusOf, writeRow } from './place.js'
import { play } from './program.js'
import type { Store } from 'hapax'
import type { SqliteHandle, SqliteValue } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Cases } from './place.js'
import type { Database } from './program.js'

const check = (store: Store): Promise<void> => store.check(() => undefined)
const refusal =
  (words: string) =>
  (error: unknown): boolean =>
    hasCode(error, 'configuration') && (error as Error).message.includes(words)

/** What is handed in, what is opened on it, and what is closed again. */
export function opening(client: Client): Cases {
  const at = inPlace(client)
  return {
    'check names what is wrong with the database, and what to do': at(async ({ open, store, beside, file }) => {
      await check(store())
      await assert.rejects(check(store({ table: 'missing' })), refusal('run applySchema()'))
      beside.exec('create table another (record text primary key, token integer)')
      await assert.rejects(
        check(store({ table: 'another' })),
        refusal('missing, as name, type and place in the primary key: record blob 1, state'),
      )
      await assert.rejects(check(sqliteStore(() => client.open(file, { readOnly: true }))), refusal('read-only'))
      const inMemory = sqliteStore(() => client.open(':memory:'))
      await assert.rejects(check(inMemory), refusal('in memory'))
      const handle = open()
      const again = sqliteStore(() => handle)
      await assert.rejects(
        again.transaction(async () => undefined),
        refusal('the same connection again'),
      )
      handle.close()
    }),
    'createTable can be run by hand, and applySchema after it': at(async ({ store, beside }) => {
      const mine = store({ table: 'by_hand' })
      beside.exec(mine.createTable)
      await check(mine)
      await mine.applySchema()
      await claimed(mine, 'a key')
    }),
    'a database in memory serves claims by lease, and no inbox': async () => {
      const handle = client.open(':memory:')
      const store = sqliteStore(handle)
      await store.applySchema()
      await check(store)
      const claim = await claimed(store, 'a key')
      assert.equal(await store.complete(claim, 60_000), true)
      assert.equal(await statusOf(store, 'a key'), 'duplicate')
      assert.ok(!('transaction' in store) && !('claimIn' in store))
      await store.close()
      // It was handed in open, and is left so.
      handle.exec('select 1')
      handle.close()
    },
    'a step is no part of a transaction that is open on the database handed in': at(async ({ open, has }) => {
      const handle = open()
      const store = sqliteStore(handle)
      handle.exec('begin')
      writeRow(handle, 'mine')
      await assert.rejects(claimed(store, 'a key'), /A transaction is open/)
      handle.exec('commit')
      assert.ok(has('mine'))
      await claimed(store, 'a key')
      handle.close()
    }),
    'all that was opened is closed, whatever became of it': async () => {
      const place = await makePlace(client)
      let opened = 0
      const store = sqliteStore(() => {
        const handle = client.open(place.file)
        opened += 1
        const close = (): void => {
          opened -= 1
          handle.close()
        }
        return { exec: (sql: string) => handle.exec(sql), prepare: (sql: string) => handle.prepare(sql), close }
      })
      await store.transaction((tx) => store.claimIn(tx, 'one', longWindow))
      assert.equal(opened, 1)
      await assert.rejects(
        store.transaction(() => Promise.reject(new Error('mine'))),
        /mine/,
      )
      await assert.rejects(store.transaction(async (tx) => tx.exec('nonsense')))
      assert.equal(opened, 1)
      await store.transaction(async (tx) => {
        assert.deepEqual(await store.claimIn(tx, 'two', longWindow), { status: 'claimed' })
        await store.close()
        assert.equal(opened, 1)
      })
      assert.equal(opened, 0)
      await assert.rejects(statusOf(store, 'two'), /was closed/)
      await assert.rejects(
        store.transaction(async () => undefined),
        /was closed/,
      )
      assert.equal(opened, 0)
      assert.equal(await statusOf(place.store(), 'two'), 'duplicate')
      await place.leave()
    },
    'a connection that has failed is closed, and replaced': at(async ({ open }) => {
      const opened: SqliteHandle[] = []
      const closed: SqliteHandle[] = []
      const broken = new Set<SqliteHandle>()
      const mine = sqliteStore(() => {
        const real = open()
        const handle: SqliteHandle = {
          exec: (sql) => real.exec(sql),
          prepare(sql) {
            const statement = real.prepare(sql)
            const all = (...values: SqliteValue[]): unknown[] => {
              if (broken.has(handle)) throw new Error('disk I/O error')
              return statement.all(...values)
            }
            return { all }
          },
          close() {
            closed.push(handle)
            real.close()
          },
        }
        opened.push(handle)
        return handle
      })
      assert.equal(await statusOf(mine, 'a key'), 'claimed')
      for (const handle of opened) broken.add(handle)
      await assert.rejects(statusOf(mine, 'another key'), /disk I\/O error/)
      assert.deepEqual(closed, [...broken])
      assert.equal(await statusOf(mine, 'another key'), 'claimed')
      assert.equal(opened.length, 2)
      await mine.close()
      assert.deepEqual(closed, opened)
    }),
    'the program of the documentation does what it says': at(async ({ file, beside }) => {
      beside.exec('create table orders (id text primary key, cents integer)')
      // Either client is a class that opens a file, and this one counts as such.
      const Opens = function (name: string) {
        return client.open(name)
      } as unknown as new (name: string) => Database
      await play(Opens, file)
      assert.equal(beside.prepare('select id from orders').all().length, 1)
    }),
  }
}
