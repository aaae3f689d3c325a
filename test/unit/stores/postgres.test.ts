import { Client, Pool } from 'pg'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { hasCode, inbox } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import type { PoolClient } from 'pg'
import type { Store, TransactionalStore } from 'hapax'
import type { PostgresBridge, PostgresQueries } from 'hapax/stores/postgres'

/** Makes no connection before it is used. */
const pool = new Pool({ host: '127.0.0.1', port: 1 })

interface OwnTx {
  readonly own: true
}
const bridge: PostgresBridge<OwnTx> = {
  query: () => Promise.resolve([]),
  queryIn: () => Promise.resolve({ rows: [] }),
  transaction: (run) => run({ own: true }),
}
const queries: PostgresQueries = { query: () => Promise.resolve([]) }

describe('tx is what the database says it is', () => {
  test('a PoolClient of a pg.Pool', () => {
    const store = postgresStore(pool)
    expectTypeOf(store).toExtend<TransactionalStore<PoolClient>>()
    inbox((_order: { id: string }, { tx }) => expectTypeOf(tx).toEqualTypeOf<PoolClient>(), { store, scope: 'a', key: ({ id }) => id })
  })
  test('what a bridge hands out', () => {
    const store = postgresStore(bridge)
    expectTypeOf(store).toExtend<TransactionalStore<OwnTx>>()
    inbox((_order: { id: string }, { tx }) => expectTypeOf(tx).toEqualTypeOf<OwnTx>(), { store, scope: 'a', key: ({ id }) => id })
    const written = postgresStore({
      query: (text, values) => bridge.query(text, values),
      queryIn: (tx: OwnTx, text, values) => bridge.queryIn(tx, text, values),
      transaction: (run) => bridge.transaction(run),
    })
    expectTypeOf(written).toExtend<TransactionalStore<OwnTx>>()
  })
  test('nothing, where there are no transactions: inbox refuses it', () => {
    for (const database of [queries, new Client()]) {
      const store = postgresStore(database)
      expectTypeOf(store).toExtend<Store>()
      expectTypeOf(store).not.toExtend<TransactionalStore<never>>()
      // @ts-expect-error it is no TransactionalStore
      const make = () => inbox((_order: { id: string }) => undefined, { store, scope: 'a', key: ({ id }) => id })
      expect(make).toThrow(expect.toSatisfy((error) => hasCode(error, 'configuration')))
    }
  })
})

test('nonsense options are refused by name', () => {
  const refused = (make: () => unknown, message: string) => {
    expect(make).toThrow(message)
    expect(make).toThrow(expect.toSatisfy((error) => hasCode(error, 'configuration')))
  }
  refused(() => postgresStore({} as PostgresQueries), 'database must be an object with the methods query')
  for (const name of ['', 'a"b', "a'b", 'a b', 'a;drop table b', 'a.b', '1a', 'é', 'a'.repeat(49)]) {
    refused(() => postgresStore(pool, { table: name }), 'table must be a name of 1 to 48 letters')
    refused(() => postgresStore(pool, { schema: name }), 'schema must be a name of 1 to 48 letters')
  }
  refused(() => postgresStore(pool, { sweepEveryMs: 0 }), 'sweepEveryMs must be a whole number of at least 1')
  refused(() => postgresStore(pool, { idleLimitMs: 0 }), 'idleLimitMs must be a whole number of at least 1')
  refused(() => postgresStore(pool, { onSweepFailed: 'log' as never }), 'onSweepFailed must be a function')
  refused(() => postgresStore(pool, { prepare: 'no' as never }), 'prepare must be')
})

test('an answer that is none is a fault', async () => {
  for (const rows of [
    [],
    [{}],
    [{ answer: null }],
    [{ answer: 7 }],
    [{ answer: '' }],
    [{ answer: 'claimed' }],
    [{ answer: 'claimed 1' }],
    [{ answer: 'busy' }],
    [{ answer: 'claimed x 0 0' }],
    [{ answer: 'yes' }],
    [{ answer: 'duplicate' }, { answer: 'duplicate' }],
  ]) {
    const store = postgresStore({ query: () => Promise.resolve({ rows }) })
    await expect(store.claim('a', { nonce: 'n', leaseMs: 1, memoryMs: 1 })).rejects.toThrow(/never gives|were answered/)
  }
  for (const answer of ['', 'maybe', 'claimed 1 0 0', 'duplicate']) {
    const store = postgresStore({ query: () => Promise.resolve([{ answer }]) })
    const claim = { record: 'a', token: 1, attempts: 0, lapses: 0 }
    await expect(store.renew(claim, 1)).rejects.toThrow('never gives')
    await expect(store.complete(claim, 1)).rejects.toThrow('never gives')
    await expect(store.release(claim, { attempts: 0, lapses: 0, restMs: 0 })).rejects.toThrow('never gives')
  }
})

test('the table can be printed for a migration, with its schema', () => {
  const { createTable } = postgresStore(pool, { schema: 'billing', table: 'records' })
  expect(createTable).toContain('create table if not exists "billing"."records" (')
  expect(createTable).toMatch(/;$/)
})
