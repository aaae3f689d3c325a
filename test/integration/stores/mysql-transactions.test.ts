import { createPool as createCallbackPool } from 'mysql2'
import { CompiledQuery, Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2/promise'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { hasCode, inbox } from 'hapax'
import { mysqlStore } from 'hapax/stores/mysql'
import { transactionalStoreSuite } from 'hapax/testing'
import { mysqlUrl } from '../../services/places.js'
import { bridgeTransactions, poolTransactions } from '../../../adapters/stores/mysql/transactions.js'
import { claimed, freshName, long, makeTables } from './mysql-table.js'
import type { Transaction } from 'kysely'
import type { PoolConnection } from 'mysql2/promise'
import type { MysqlBridge, MysqlStore } from 'hapax/stores/mysql'

const { table, rows, pool, has, one, isMariadb, openPool } = makeTables()
const store = mysqlStore(pool, { table })
const window = { windowMs: 60_000 }

const write = async (tx: PoolConnection, row: string): Promise<void> => void (await tx.query(`insert into ${rows} values (?)`, [row]))
const isConflict = (error: unknown): boolean => hasCode(error, 'transaction-conflict')
const isUnknown = (error: unknown): boolean => hasCode(error, 'commit-unknown')

/** Until the server has no such connection any more. */
async function gone(id: number): Promise<void> {
  while (await one('select id from information_schema.processlist where id = ?', [id])) await pool.query('select sleep(0.02)')
}

describe('a connection that is cut', () => {
  const points = ['start transaction', 'insert into', 'a row', 'commit'] as const
  for (const when of ['before', 'after'] as const) {
    for (const text of points) {
      test(`${when} the server got "${text}" leaves all or nothing`, async () => {
        // It travels with each statement, and may not be what is waited for.
        const record = `cut-${when}-${points.indexOf(text)}`
        const opened = await openPool()
        try {
          const cut = mysqlStore(opened.pool, { table })
          await cut.check(expect.fail)
          opened.proxy.cutAt(when, text)
          const run = cut.transaction(async (tx) => {
            await cut.claimIn(tx, record, window)
            await tx.query(`insert into ${rows} values (concat('a row of ', ?))`, [record])
          })
          const committed = when === 'after' && text === 'commit'
          await expect(run).rejects.toSatisfy((error) => isUnknown(error) === (text === 'commit'))
          // The server may find out a moment later.
          let answer = await store.claim(record, { nonce: 'a nonce', ...long })
          while (answer.status === 'busy') answer = await store.claim(record, { nonce: 'a nonce', ...long })
          expect(answer.status).toBe(committed ? 'duplicate' : 'claimed')
          expect(await has(`a row of ${record}`)).toBe(committed)
          // The pool goes on with other connections.
          expect(await cut.transaction((tx) => cut.claimIn(tx, `${record}, another`, window))).toEqual({ status: 'claimed' })
        } finally {
          await opened.close()
        }
      })
    }
  }

  test('by the server between two statements is no unknown commit', async () => {
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'killed', window)
      await write(tx, 'killed')
      const { threadId } = tx
      await pool.query('kill connection ?', [threadId])
      await gone(threadId)
      // So that the client has heard of it.
      await expect(tx.query('select 1')).rejects.toThrow()
    })
    await expect(run).rejects.toSatisfy((error) => !isUnknown(error) && !isConflict(error))
    expect(await has('killed')).toBe(false)
    await claimed(store, 'killed')
  })
})

test('a process that has vanished loses its transaction after idleLimitMs', async () => {
  const limited = mysqlStore(pool, { table, idleLimitMs: 1_000 })
  const run = limited.transaction(async (tx) => {
    await limited.claimIn(tx, 'idle', window)
    await gone(tx.threadId)
    await claimed(store, 'idle')
  })
  await expect(run).rejects.toSatisfy((error) => !isUnknown(error))
  // A connection goes back to the pool as it came.
  const own = createPool({ uri: mysqlUrl, connectionLimit: 1 })
  try {
    const limits = `show session variables where variable_name in ('wait_timeout', 'idle_transaction_timeout')`
    const [before] = await own.query(limits)
    const single = mysqlStore(own, { table, idleLimitMs: 5_000 })
    await single.transaction((tx) => single.claimIn(tx, 'limited', window))
    expect((await own.query(limits))[0]).toEqual(before)
  } finally {
    await own.end()
  }
})

describe('a deadlock', () => {
  /** Has the server roll back the transaction of `tx`, which has written more than the other one, for the sake of it or the other way round. */
  const deadlock = async (tx: PoolConnection, name: string): Promise<unknown> => {
    const other = await pool.getConnection()
    try {
      await pool.query(`insert into ${rows} values (?), (?)`, [`${name} one`, `${name} two`])
      await other.beginTransaction()
      // The server gives up the transaction that has changed less.
      for (let index = 0; index < 20; index += 1) await other.query(`insert into ${rows} values (?)`, [`${name} ${index}`])
      await other.query(`select * from ${rows} where name = ? for update`, [`${name} one`])
      await tx.query(`select * from ${rows} where name = ? for update`, [`${name} two`])
      const waiting = tx.query(`select * from ${rows} where name = ? for update`, [`${name} one`]).catch((error: unknown) => error)
      const crossing = other.query(`select * from ${rows} where name = ? for update`, [`${name} two`])
      const error = await waiting
      await crossing
      return error
    } finally {
      await other.rollback()
      other.release()
    }
  }

  test('is a conflict', async () => {
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'deadlock', window)
      throw new Error('in a handler', { cause: await deadlock(tx, 'deadlock') })
    })
    await expect(run).rejects.toSatisfy(isConflict)
    await claimed(store, 'deadlock')
  })

  test('that the handler keeps to itself is one, too, and what it does then has no effect', async () => {
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'swallowed', window)
      await deadlock(tx, 'swallowed')
      await expect(write(tx, 'after the deadlock')).rejects.toSatisfy(isConflict)
      await expect(store.claimIn(tx, 'after the deadlock', window)).rejects.toSatisfy(isConflict)
      return 'done'
    })
    await expect(run).rejects.toSatisfy(isConflict)
    expect(await has('after the deadlock')).toBe(false)
    await claimed(store, 'swallowed')
  })
})

describe('the connection that a handler is given', () => {
  test('takes part with what was sent and not waited for', async () => {
    await store.transaction(async (tx) => {
      await store.claimIn(tx, 'hasty', window)
      for (const name of ['hasty 1', 'hasty 2', 'hasty 3']) void write(tx, name)
    })
    for (const name of ['hasty 1', 'hasty 2', 'hasty 3']) expect(await has(name)).toBe(true)
  })

  test('loses what was sent and not waited for when it is rolled back', async () => {
    const sent: Promise<unknown>[] = []
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'hasty and wrong', window)
      for (const name of ['wrong 1', 'wrong 2']) sent.push(write(tx, name).catch(() => undefined))
      throw new Error('wrong')
    })
    await expect(run).rejects.toThrow('wrong')
    await Promise.all(sent)
    for (const name of ['wrong 1', 'wrong 2']) expect(await has(name)).toBe(false)
  })

  test('is not used any more afterwards, by whatever way', async () => {
    const late = await store.transaction(async (tx) => {
      const prepared = await tx.prepare(`insert into ${rows} values (?)`)
      const { connection } = tx as unknown as { connection: { query(text: string): unknown } }
      return {
        query: () => tx.query(`insert into ${rows} values ('late')`),
        execute: () => tx.execute(`insert into ${rows} values ('late')`),
        prepared: () => prepared.execute(['late']),
        below: async () => connection.query(`insert into ${rows} values ('late')`),
      }
    })
    for (const way of Object.values(late)) await expect(way()).rejects.toThrow('This transaction is over')
    expect(await has('late')).toBe(false)
  })

  test('cannot be given back or committed by the handler', async () => {
    await store.transaction(async (tx) => {
      for (const name of ['release', 'destroy', 'commit', 'rollback', 'beginTransaction'] as const) {
        expect(() => tx[name]()).toThrow(`${name}() is not for the handler to call`)
      }
      await write(tx, 'still in it')
      expect(await has('still in it')).toBe(false)
    })
  })

  test('is closed where its handler is given up while a statement is under way', async () => {
    const other = await pool.getConnection()
    try {
      await pool.query(`insert into ${rows} values ('hung')`)
      await other.beginTransaction()
      await other.query(`select * from ${rows} where name = 'hung' for update`)
      const run = store.transaction(async (tx) => {
        void tx.query(`select * from ${rows} where name = 'hung' for update`).catch(() => undefined)
        throw new Error('given up')
      })
      await expect(run).rejects.toThrow('given up')
    } finally {
      await other.rollback()
      other.release()
    }
  })

  test('is needed for claimIn', async () => {
    const connection = await pool.getConnection()
    try {
      await expect(store.claimIn(connection, 'foreign', window)).rejects.toThrow('claimIn takes the tx')
    } finally {
      connection.release()
    }
  })
})

describe('a statement that is to be part of a transaction, whosever it is', () => {
  const { run, sendInAny } = poolTransactions(pool, () => expect.fail('it is not asked'), undefined)
  const insert = (tx: unknown, row: string) => async () => sendInAny(tx)(`insert into ${rows} values (?)`, [Buffer.from(row)])

  test("is sent in one that a store has handed out, and in the user's own", async () => {
    await store.transaction(async (tx) => {
      await insert(tx, 'sent in one handed out')()
      expect(await has('sent in one handed out')).toBe(false)
    })
    expect(await has('sent in one handed out')).toBe(true)
    const own = await pool.getConnection()
    for (const [end, kept] of [
      ['rollback', false],
      ['commit', true],
    ] as const) {
      await own.beginTransaction()
      await insert(own, 'sent in an own one')()
      expect(await has('sent in an own one')).toBe(false)
      await own[end]()
      expect(await has('sent in an own one')).toBe(kept)
    }
    // A session without autocommit is always in one.
    await own.query('set autocommit = 0')
    await insert(own, 'sent without autocommit')()
    await own.rollback()
    await own.query('set autocommit = 1')
    own.release()
    expect(await has('sent without autocommit')).toBe(false)
  })

  test('is refused where it would commit by itself, or told where it did', async () => {
    let late: unknown
    await run(async (tx) => void (late = tx))
    await expect(insert(late, 'late')()).rejects.toThrow('This transaction is over')
    await expect(insert(pool, 'on a pool')()).rejects.toThrow('tx is a pool')
    const callbacks = createCallbackPool(mysqlUrl)
    await expect(insert(callbacks, 'on callbacks')()).rejects.toThrow('Hand in its promise()')
    callbacks.end()
    for (const nothing of [undefined, null, 'tx', {}]) await expect(insert(nothing, 'nowhere')()).rejects.toThrow('tx has to be')
    for (const row of ['late', 'on a pool', 'on callbacks']) expect(await has(row)).toBe(false)
    const idle = await pool.getConnection()
    await expect(insert(idle, 'on an idle connection')()).rejects.toThrow('has committed by itself')
    idle.release()
    expect(await has('on an idle connection')).toBe(true)
  })

  test('and through a bridge', async () => {
    const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createCallbackPool(mysqlUrl) }) })
    const bridged = bridgeTransactions(bridgeTo(db))
    const send = (tx: unknown, row: string) => async () => bridged.sendInAny(tx)(`insert into ${rows} values (?)`, [Buffer.from(row)])
    let late: unknown
    await bridged.run(async (tx) => {
      late = tx
      await send(tx, 'handed out to kysely')()
    })
    await expect(send(late, 'late for kysely')()).rejects.toThrow('This transaction is over')
    await db.transaction().execute((tx) => send(tx, 'begun by kysely')())
    await expect(send(db, 'by itself')()).rejects.toThrow('No transaction is open')
    await db.destroy()
    const there = await Promise.all(['handed out to kysely', 'begun by kysely', 'late for kysely', 'by itself'].map(has))
    expect(there).toEqual([true, true, false, false])
  })
})

test('rows that were read before others changed them are judged as they are', async () => {
  const claim = await claimed(store, 'snapshot')
  await store.transaction(async (tx) => {
    await tx.query(`select * from ${table}`)
    await store.complete(claim, 60_000)
    expect(await store.claimIn(tx, 'snapshot', window)).toEqual({ status: 'duplicate' })
    await store.complete(await claimed(store, 'snapshot, new'), 60_000)
    expect(await store.claimIn(tx, 'snapshot, new', window)).toEqual({ status: 'duplicate' })
  })
})

test('many transactions with claims of their own are in nobody’s way', async () => {
  // Neighbours in the index, which gap locks would have wait for one another, and as many as have a connection.
  const records = Array.from({ length: 9 }, (_, index) => `neighbour-${index}`)
  let open = 0
  let allOpen = (): void => undefined
  const opened = new Promise<void>((resolve) => (allOpen = resolve))
  await Promise.all(
    records.map((record) =>
      store.transaction(async (tx) => {
        expect(await store.claimIn(tx, record, window)).toEqual({ status: 'claimed' })
        if ((open += 1) === records.length) allOpen()
        await opened
        const beside = await claimed(store, `${record}, beside`)
        expect(await store.complete(beside, 60_000)).toBe(true)
      }),
    ),
  )
})

test('on MySQL, keys that share a slot by chance are in each other’s way as little as can be', async () => {
  if (await isMariadb()) return
  const slotOf = async (record: string): Promise<unknown> => one('select crc32(?) mod 32768', [record])
  const slot = await slotOf('sharing')
  const sharing: string[] = []
  for (let index = 0; sharing.length < 3; index += 1) {
    // As many as there are slots, at a time.
    const [found] = await pool.query(
      `with recursive n as (select ? as i union all select i + 1 from n where i < ? + 900) select concat('sharing-', i) as r from n where crc32(concat('sharing-', i)) mod 32768 = ?`,
      [index * 1_000, index * 1_000, slot],
    )
    sharing.push(...(found as { r: string }[]).map(({ r }) => r))
  }
  const [first = '', second = '', third = ''] = sharing
  const claims = [await claimed(store, first), await claimed(store, second)] as const
  await store.transaction(async (tx) => {
    await store.claimIn(tx, 'sharing', window)
    expect(await store.renew(claims[0], 60_000)).toBe(true)
    expect(await store.complete(claims[0], 60_000)).toBe(true)
    expect(await store.claim(first, { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
    expect(await store.release(claims[1], { attempts: 1, lapses: 0, restMs: 0 })).toBe(true)
    expect((await claimed(store, second)).attempts).toBe(1)
    // Only what is not there yet has to wait.
    expect(await store.claim(third, { nonce: 'another', ...long })).toEqual({ status: 'busy', retryInMs: 60_000 })
  })
  await claimed(store, third)
})

interface Tables {
  [name: string]: { name: string }
}

function bridgeTo(db: Kysely<Tables>): MysqlBridge<Transaction<Tables>> {
  // #region kysely
  const bridge: MysqlBridge<Transaction<Tables>> = {
    query: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
    queryIn: (tx, text, values) => tx.executeQuery(CompiledQuery.raw(text, values)),
    transaction: (run) => db.transaction().execute(run),
  }
  // #endregion
  return bridge
}

describe('a bridge to Kysely', () => {
  const suite = transactionalStoreSuite<Transaction<Tables>>({
    open() {
      const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createCallbackPool(mysqlUrl) }) })
      return { store: mysqlStore(bridgeTo(db), { table }), close: () => db.destroy() }
    },
    write: async (tx, row) => void (await tx.insertInto(rows).values({ name: row }).execute()),
    has,
    conflict: () => Object.assign(new Error('Deadlock found when trying to get lock'), { code: 'ER_LOCK_DEADLOCK', errno: 1213 }),
    loseNextCommit: { cannot: 'it is shown with a bridge of its own' },
  })
  for (const each of suite) test(each.name, each.run)
})

test('a bridge whose commit gets no answer says so; one that is told no, does not', async () => {
  const failing = (error: unknown) =>
    mysqlStore(
      {
        query: async (text: string, values: unknown[]) => (await pool.query(text, values))[0] as unknown[],
        queryIn: async () => [],
        transaction: async <Value>(run: (tx: string) => Promise<Value>): Promise<Value> => {
          await run('tx')
          throw error
        },
      },
      { table },
    ).transaction(async () => undefined)
  await expect(failing(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104 }))).rejects.toSatisfy(isUnknown)
  await expect(failing(Object.assign(new Error('shutdown'), { errno: 1053, sqlState: '08S01' }))).rejects.toSatisfy(isUnknown)
  const no = Object.assign(new Error('read only'), { errno: 1290, sqlState: 'HY000' })
  await expect(failing(no)).rejects.toBe(no)
  await expect(failing(Object.assign(new Error('conflict'), { code: 'P2034' }))).rejects.toSatisfy(isConflict)
})

test('an inbox writes its effect and its record together', async () => {
  const schema = freshName()
  await pool.query(`create database ${schema}`)
  await pool.query(`create table ${schema}.orders (id varchar(64), cents int)`)
  const url = new URL(mysqlUrl)
  url.pathname = `/${schema}`
  const uri = url.href
  try {
    // #region store
    const orders = createPool(uri)
    const inOrders = mysqlStore(orders)
    await inOrders.applySchema()

    const save = inbox(
      async (order: { readonly id: string; readonly cents: number }, { tx }) => {
        await tx.query('insert into orders values (?, ?)', [order.id, order.cents])
      },
      { store: inOrders, scope: 'orders.save', key: (order) => order.id },
    )
    // #endregion
    expect(await save.once({ id: 'a', cents: 500 })).toMatchObject({ status: 'handled' })
    expect(await save.once({ id: 'a', cents: 500 })).toMatchObject({ status: 'duplicate' })
    expect((await orders.query('select * from orders'))[0]).toEqual([{ id: 'a', cents: 500 }])
    await orders.end()
  } finally {
    await pool.query(`drop database ${schema}`)
  }
})

test('tx is what the database hands out, without a cast', () => {
  expectTypeOf(mysqlStore(pool)).toEqualTypeOf<MysqlStore<PoolConnection>>()
  expectTypeOf<typeof bridgeTo>().returns.toEqualTypeOf<MysqlBridge<Transaction<Tables>>>()
  const bridged = (db: Kysely<Tables>) => mysqlStore(bridgeTo(db))
  expectTypeOf(bridged).returns.toEqualTypeOf<MysqlStore<Transaction<Tables>>>()
  const save = inbox(
    async (order: { readonly id: string }, { tx }) => {
      expectTypeOf(tx).toEqualTypeOf<PoolConnection>()
      await tx.query('select ?', [order.id])
    },
    { store, scope: 'orders.save', key: (order) => order.id },
  )
  expectTypeOf(save.once).toBeFunction()
})
