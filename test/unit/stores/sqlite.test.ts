import { expect, expectTypeOf, test } from 'vitest'
import { hasCode, inbox } from 'hapax'
import { sqliteStore } from 'hapax/stores/sqlite'
import type { InboxContext, Store, TransactionalStore } from 'hapax'
import type { SqliteHandle, SqliteStore } from 'hapax/stores/sqlite'

/** As `DatabaseSync` of `node:sqlite` is typed, where it matters here. */
declare class Database {
  constructor(file: string)
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
  function(name: string, func: () => void): void
}
interface Statement {
  all(named: Record<string, null | number | bigint | string | Uint8Array>, ...values: (null | number | bigint | string)[]): unknown[]
  all(...values: (null | number | bigint | string | Uint8Array)[]): Record<string, unknown>[]
}

const open = (): SqliteHandle => {
  throw new Error('Nothing is opened here')
}

test('tx is what was opened, and an open database has none', () => {
  const forInbox = () => sqliteStore(() => new Database('app.db'))
  expectTypeOf(forInbox).returns.toEqualTypeOf<SqliteStore<Database>>()
  expectTypeOf(forInbox).returns.toExtend<TransactionalStore<Database>>()
  const byLease = (handle: Database) => sqliteStore(handle)
  expectTypeOf(byLease).returns.toExtend<Store>()
  expectTypeOf(byLease).returns.not.toExtend<TransactionalStore<Database>>()

  const save = inbox(
    async (order: { readonly id: string }, context) => {
      expectTypeOf(context).toEqualTypeOf<InboxContext<Database>>()
    },
    { store: sqliteStore(open as () => Database), scope: 'orders.save', key: (order) => order.id },
  )
  expect(save).toHaveProperty('once')
})

test('an inbox on an open database is refused', () => {
  const handle: SqliteHandle = { exec: () => undefined, prepare: () => ({ all: () => [] }), close: () => undefined }
  const store = sqliteStore(handle) as unknown as TransactionalStore<SqliteHandle>
  const make = () => inbox(async () => undefined, { store, scope: 'orders.save', key: () => 'a key' })
  expect(make).toThrow('transaction, claimIn')
  expect(make).toThrow(expect.toSatisfy((error) => hasCode(error, 'configuration')))
})

test('nonsense options are refused by name', () => {
  const refused = (make: () => unknown, name: string) => {
    expect(make).toThrow(name)
    expect(make).toThrow(expect.toSatisfy((error) => hasCode(error, 'configuration')))
  }
  refused(() => sqliteStore({} as SqliteHandle), 'database must be an object with the methods exec, prepare, close')
  refused(() => sqliteStore('app.db' as unknown as SqliteHandle), 'database must be')
  for (const table of ['', 'a-b', 'a"; drop table orders; --', '1st', 'ключ', 'x'.repeat(49)])
    refused(() => sqliteStore(open, { table }), 'table')
  refused(() => sqliteStore(open, { lockWaitMs: -1 }), 'lockWaitMs must be a whole number of at least 0')
  refused(() => sqliteStore(open, { sweepEveryMs: 0 }), 'sweepEveryMs must be a whole number of at least 1')
  refused(() => sqliteStore(open, { onSweepFailed: 5 as unknown as () => void }), 'onSweepFailed must be a function')
})

test('an answer that no statement gives is a fault, never a verdict', async () => {
  for (const row of [
    undefined,
    { answer: null },
    { answer: 'claimed' },
    { answer: 'claimed 1.5 0 0' },
    { answer: 'busy' },
    { answer: 1 },
    ['done '],
  ]) {
    const rows = (sql: string): unknown[] => {
      if (sql.includes('pragma_database_list')) return [{ file: '' }]
      if (sql.startsWith('select')) return []
      return row === undefined ? [] : [row]
    }
    const store = sqliteStore({ exec: () => undefined, prepare: (sql) => ({ all: () => rows(sql) }), close: () => undefined })
    const claim = { record: 'a record', token: 1, attempts: 0, lapses: 0 }
    await expect(store.claim('a record', { nonce: 'a nonce', leaseMs: 1_000, memoryMs: 1_000 })).rejects.toThrow(
      'no statement of this store gives',
    )
    await expect(store.complete(claim, 1_000)).rejects.toThrow('no statement of this store gives')
    if (row === undefined) continue
    await expect(store.renew(claim, 1_000)).rejects.toThrow('no statement of this store gives')
    await expect(store.release(claim, { attempts: 0, lapses: 0, restMs: 0 })).rejects.toThrow('no statement of this store gives')
  }
})
