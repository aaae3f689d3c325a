import { Client, Pool } from 'pg'
import { describe, expect, test } from 'vitest'
import { hasCode, idempotent, inbox } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import { postgresUrl } from '../../services/places.js'
import { poolTransactions } from '../../../adapters/stores/postgres/transactions.js'
import { claimed, long, makeTables, tellsTransactions } from './postgres-table.js'
import type { PoolClient } from 'pg'
import type { ClaimInResult, ClaimResult } from 'hapax'

const { table, rows, pool, has, openPool } = makeTables()
const store = postgresStore(pool, { table })
const window = { windowMs: 600_000 }

const write = (tx: PoolClient, row: string) => tx.query(`insert into ${rows} values ($1)`, [row])
const pidOf = async (tx: PoolClient): Promise<number> =>
  (await tx.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? expect.fail('no pid')
/** Ends a connection from the server's side, and waits until it is gone. */
async function terminate(pid: number): Promise<void> {
  await pool.query('select pg_terminate_backend($1)', [pid])
  for (;;) {
    const { rowCount } = await pool.query('select from pg_stat_activity where pid = $1', [pid])
    if (rowCount === 0) return
  }
}
async function free(record: string): Promise<void> {
  const { attempts, lapses } = await claimed(store, record)
  expect([attempts, lapses]).toEqual([0, 0])
}
const code = (expected: 'transaction-conflict' | 'commit-unknown') => (error: unknown) => hasCode(error, expected)

describe('a connection that is cut', () => {
  const points = ['before the claim', 'after the claim', 'after the write', 'before the commit'] as const
  for (const [index, point] of points.entries()) {
    for (const [who, kill] of Object.entries({
      'by the server': async (pid: number, _cut: () => void) => terminate(pid),
      'by the network': async (_pid: number, cut: () => void) => cut(),
    })) {
      test(`${who} ${point} leaves nothing, and its pool goes on`, async () => {
        const opened = await openPool({ max: 2 })
        const cutting = postgresStore(opened.pool, { table })
        const record = `cut-${who}-${index}`
        const cut = () => opened.proxy.cutAt('before', index === 0 ? 'pg_advisory' : index === 3 ? 'commit' : 'insert into')
        const run = cutting.transaction(async (tx) => {
          const pid = await pidOf(tx)
          if (index === 0) await kill(pid, cut)
          await cutting.claimIn(tx, record, window)
          if (index === 1) await kill(pid, cut)
          await write(tx, record)
          if (index === 2) await kill(pid, () => opened.proxy.cutAt('before', 'select 1'))
          if (index === 2) await tx.query('select 1')
          if (index === 3) await kill(pid, cut)
        })
        // At the commit nobody can know from here.
        await expect(run).rejects.toSatisfy((error) => index === 3 || !hasCode(error, 'commit-unknown'))
        if (index === 3) await expect(run).rejects.toSatisfy(code('commit-unknown'))
        await expect.poll(() => store.claim(record, { nonce: 'free', ...long })).toMatchObject({ status: 'claimed' })
        expect(await has(record)).toBe(false)
        expect(await cutting.transaction((tx) => cutting.claimIn(tx, `${record}-next`, window))).toEqual({ status: 'claimed' })
        await opened.close()
      })
    }
  }
})

describe('the commit', () => {
  test('whose answer is lost has committed, and is told as unknown', async () => {
    const opened = await openPool()
    const cutting = postgresStore(opened.pool, { table })
    const run = cutting.transaction(async (tx) => {
      await cutting.claimIn(tx, 'committed', window)
      await write(tx, 'committed')
      opened.proxy.cutAt('after', 'commit')
    })
    await expect(run).rejects.toSatisfy(code('commit-unknown'))
    expect(await has('committed')).toBe(true)
    expect(await store.claim('committed', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
    await opened.close()
  })

  test('that the server refuses is no unknown one', async () => {
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'refused', window)
      // The constraint of this table is looked at when the transaction commits.
      await write(tx, 'twice')
      await write(tx, 'twice')
    })
    await expect(run).rejects.toMatchObject({ code: '23505' })
    await free('refused')
  })

  test('that loses against another transaction is a conflict', async () => {
    const serializable = new Pool({ connectionString: postgresUrl, options: '-c default_transaction_isolation=serializable' })
    const strict = postgresStore(serializable, { table })
    const skewed = (one: string, other: string, meanwhile: () => Promise<unknown>) =>
      strict.transaction(async (tx) => {
        await tx.query(`select count(*) from ${rows} where name like '${one}%'`)
        await meanwhile()
        await write(tx, `${other}-skewed`)
      })
    const run = skewed('one', 'two', () => skewed('two', 'one', () => Promise.resolve()))
    await expect(run).rejects.toSatisfy(code('transaction-conflict'))
    await serializable.end()
  })

  test('does not count as done when a statement had failed in the transaction, and nobody had said so', async () => {
    const run = store.transaction(async (tx) => {
      await store.claimIn(tx, 'swallowed', window)
      await write(tx, 'swallowed')
      await tx.query('select 1 / 0').catch(() => undefined)
      return 'done'
    })
    await expect(run).rejects.toThrow('A savepoint keeps')
    expect(await has('swallowed')).toBe(false)
    await free('swallowed')
  })

  test.skipIf(!tellsTransactions)('is not done twice: a transaction that was ended by a statement in it is a fault', async () => {
    for (const end of ['rollback', 'commit']) {
      const run = store.transaction(async (tx) => {
        await store.claimIn(tx, `ended by ${end}`, window)
        await tx.query(end)
      })
      await expect(run).rejects.toThrow('ended by a statement in it')
    }
  })
})

test('a deadlock is a conflict, wherever in the causes it is', async () => {
  let arrive = (): void => undefined
  const both = new Promise<void>((resolve) => {
    let waiting = 0
    arrive = () => {
      waiting += 1
      if (waiting === 2) resolve()
    }
  })
  await pool.query(`insert into ${rows} values ('left'), ('right')`)
  const lock = (first: string, second: string) =>
    store.transaction(async (tx) => {
      await tx.query(`select from ${rows} where name = $1 for update`, [first])
      arrive()
      await both
      try {
        await tx.query(`select from ${rows} where name = $1 for update`, [second])
      } catch (error) {
        throw new Error('the handler wraps it', { cause: error })
      }
    })
  const settled = await Promise.allSettled([lock('left', 'right'), lock('right', 'left')])
  const lost = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
  expect(lost).toHaveLength(1)
  expect(lost[0]).toSatisfy(code('transaction-conflict'))
  expect(lost[0]).toMatchObject({ cause: { message: 'the handler wraps it', cause: { code: '40P01' } } })
})

describe('what is handed out as tx', () => {
  test('is a PoolClient in all but two things', async () => {
    let kept: PoolClient | undefined
    await store.transaction(async (tx) => {
      kept = tx
      expect(tx).toBeInstanceOf(Client)
      if (tellsTransactions) expect(tx.getTransactionStatus()).toBe('T')
      expect(tx.escapeLiteral("it's")).toBe("'it''s'")
      expect(() => tx.release()).toThrow('goes back to the pool by itself')
      expect(await new Promise((resolve) => tx.query('select 1 as one', (_error, result) => resolve(result.rows)))).toEqual([{ one: 1 }])
    })
    if (!kept) throw new Error('nothing was handed out')
    const late = kept
    await expect(late.query('select 1')).rejects.toThrow('This transaction is over')
    expect(await new Promise((resolve) => late.query('select 1', resolve))).toMatchObject({ message: expect.stringContaining('is over') })
    await expect(store.claimIn(late, 'late', window)).rejects.toThrow('This transaction is over')
    const stranger = await pool.connect()
    await expect(store.claimIn(stranger, 'a stranger', window)).rejects.toThrow('hands out')
    stranger.release()
  })

  test('commits what was sent through it and not waited for', async () => {
    await store.transaction(async (tx) => {
      void write(tx, 'not waited for')
    })
    expect(await has('not waited for')).toBe(true)
  })

  test('is closed when its function gives up while a statement runs', async () => {
    const own = new Pool({ connectionString: postgresUrl, max: 1 })
    const leaving = postgresStore(own, { table })
    const mine = new Error('mine')
    let pid = 0
    const run = leaving.transaction(async (tx) => {
      pid = await pidOf(tx)
      void tx.query('select pg_sleep(60)').catch(() => undefined)
      throw mine
    })
    await expect(run).rejects.toBe(mine)
    // The only place in the pool is free again.
    await claimed(leaving, 'after one that was left')
    await terminate(pid)
    await own.end()
  })
})

describe('a statement that is to be part of a transaction, whosever it is', () => {
  const { run, sendInAny } = poolTransactions(pool, undefined)
  const insert = (row: string) => ({ text: `insert into ${rows} values ($1)`, values: [row] })

  test("is sent in one that a store has handed out, and in the user's own", async () => {
    await store.transaction(async (tx) => {
      await sendInAny(tx, insert('sent in one handed out'))
      expect(await has('sent in one handed out')).toBe(false)
    })
    expect(await has('sent in one handed out')).toBe(true)
    const own = await pool.connect()
    for (const [end, kept] of [
      ['rollback', false],
      ['commit', true],
    ] as const) {
      await own.query('begin')
      await sendInAny(own, insert('sent in an own one'))
      await own.query(end)
      expect(await has('sent in an own one')).toBe(kept)
    }
    own.release()
  })

  test.skipIf(!tellsTransactions)('is refused where it would commit by itself', async () => {
    let late: unknown
    await run(async (tx) => void (late = tx))
    await expect(sendInAny(late, insert('late'))).rejects.toThrow('This transaction is over')
    await expect(sendInAny(pool, insert('on a pool'))).rejects.toThrow('tx is a pool')
    for (const nothing of [undefined, null, 'tx', {}]) await expect(sendInAny(nothing, insert('nowhere'))).rejects.toThrow('a client of')
    const idle = await pool.connect()
    await expect(sendInAny(idle, insert('on an idle client'))).rejects.toThrow('No transaction is open')
    await idle.query('begin')
    await idle.query('commit')
    await expect(sendInAny(idle, insert('on an idle client'))).rejects.toThrow('No transaction is open')
    idle.release()
    for (const row of ['late', 'on a pool', 'on an idle client']) expect(await has(row)).toBe(false)
  })
})

test('an open transaction that idles is ended by the server, and the process goes on', async () => {
  const limited = postgresStore(pool, { table, idleLimitMs: 50 })
  let pid = 0
  const run = limited.transaction(async (tx) => {
    pid = await pidOf(tx)
    await limited.claimIn(tx, 'idle', window)
    await write(tx, 'idle')
    for (;;) if ((await pool.query('select from pg_stat_activity where pid = $1', [pid])).rowCount === 0) break
    return 'too late'
  })
  // It was the server's own will, and so it is no unknown commit.
  await expect(run).rejects.toMatchObject({ code: '25P03' })
  await free('idle')
  expect(await has('idle')).toBe(false)
  // Its limit went with it.
  const { rows: shown } = await pool.query('show idle_in_transaction_session_timeout')
  expect(shown).toEqual([{ idle_in_transaction_session_timeout: '0' }])
})

describe('while a transaction holds a key', () => {
  test('every step is told at once, over a record that is there and over one that is not yet', async () => {
    for (const there of [false, true]) {
      const record = `held-${there}`
      const claim = there ? await claimed(store, record) : { record, token: 1, attempts: 0, lapses: 0 }
      await store.transaction(async (tx) => {
        expect(await store.claimIn(tx, record, { ...window, claim: there ? claim : undefined })).toEqual({ status: 'claimed' })
        const begun = performance.now()
        for (let turn = 0; turn < 20; turn += 1) {
          expect(await store.claim(record, { nonce: 'another', ...long })).toEqual({ status: 'busy', retryInMs: 60_000 })
          await expect(store.renew(claim, 1_000)).rejects.toSatisfy(code('transaction-conflict'))
          await expect(store.complete(claim, 1_000)).rejects.toSatisfy(code('transaction-conflict'))
          const remember = { attempts: 1, lapses: 0, restMs: 0 }
          await expect(store.release(claim, remember)).rejects.toSatisfy(code('transaction-conflict'))
          expect(await store.transaction((second) => store.claimIn(second, record, window))).toEqual({ status: 'busy' })
        }
        expect(performance.now() - begun).toBeLessThan(5_000)
        expect(await store.claimIn(tx, record, window)).toEqual({ status: 'duplicate' })
      })
    }
  })

  test('a savepoint that is rolled back gives it free again', async () => {
    await store.transaction(async (tx) => {
      await tx.query('savepoint one')
      expect(await store.claimIn(tx, 'in a savepoint', window)).toEqual({ status: 'claimed' })
      await tx.query('rollback to savepoint one')
      await free('in a savepoint')
    })
  })
})

describe('plain steps that race', () => {
  test('one another never take each other for an open transaction', async () => {
    for (let round = 0; round < 10; round += 1) {
      const record = `racing-${round}`
      const results = await Promise.all(Array.from({ length: 40 }, (_, index) => store.claim(record, { nonce: `n-${index}`, ...long })))
      // An open transaction would be told with the whole lease; what is left of one is told by its end.
      const winner = results.find((result): result is ClaimResult & { status: 'claimed' } => result.status === 'claimed')
      if (!winner) throw new Error('nobody won')
      expect(results.filter(({ status }) => status === 'busy')).toHaveLength(39)
      const steps = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 ? store.renew(winner.claim, 60_000) : store.complete(winner.claim, 60_000))),
      )
      expect(steps.filter((_, index) => index % 2 === 0)).toEqual(Array.from({ length: 10 }, () => true))
    }
  })

  test('the transaction of the holder do not keep it from the key', async () => {
    const others = new Pool({ connectionString: postgresUrl, max: 8 })
    const other = postgresStore(others, { table })
    let ended = false
    const records = Array.from({ length: 60 }, (_, index) => `stormed-${index}`)
    let current = records[0] ?? ''
    // Duplicates ask for whatever key is being handled, without a pause.
    const storm = Array.from({ length: 8 }, async (_, index) => {
      while (!ended) await other.claim(current, { nonce: `storm-${index}`, ...long })
    })
    const answers: ClaimInResult['status'][] = []
    for (const record of records) {
      const claim = await claimed(store, record).catch(() => undefined)
      current = record
      if (!claim) continue
      answers.push((await store.transaction((tx) => store.claimIn(tx, record, { ...window, claim }))).status)
    }
    ended = true
    await Promise.all(storm)
    await others.end()
    expect(new Set(answers)).toEqual(new Set(['claimed']))
    expect(answers).toHaveLength(60)
  })
})

describe('with an inbox', () => {
  test('a message takes effect once, however often and wherever it comes', async () => {
    await pool.query(`create table ${table}_effects (id serial, key text)`)
    const handlers = Array.from({ length: 3 }, () =>
      inbox(
        async (order: { readonly id: string }, { tx }) =>
          void (await tx.query(`insert into ${table}_effects (key) values ($1)`, [order.id])),
        {
          store: postgresStore(pool, { table }),
          scope: 'once',
          key: (order) => order.id,
        },
      ),
    )
    const keys = Array.from({ length: 20 }, (_, index) => `order-${index}`)
    const results = await Promise.all(keys.flatMap((id) => handlers.map((handler) => handler.once({ id }))))
    expect(results.filter(({ status }) => status === 'handled')).toHaveLength(20)
    const { rows: effects } = await pool.query(`select count(*)::int as all, count(distinct key)::int as keys from ${table}_effects`)
    expect(effects).toEqual([{ all: 20, keys: 20 }])
    await pool.query(`drop table ${table}_effects`)
  })

  test('claims by lease go on beside it', async () => {
    const lease = idempotent(async (order: { readonly id: string }) => order.id, { store, scope: 'lease', key: (order) => order.id })
    expect(await lease.once({ id: 'a' })).toMatchObject({ status: 'handled', value: 'a' })
    expect(await lease.once({ id: 'a' })).toMatchObject({ status: 'duplicate' })
  })

  test('as the documentation has it', async () => {
    const schema = `${table}_docs`
    await pool.query(`create schema ${schema}; create table ${schema}.orders (id text primary key, cents int)`)
    const url = new URL(postgresUrl)
    url.searchParams.set('options', `-c search_path=${schema}`)
    const connectionString = url.href
    // #region store
    const orders = new Pool({ connectionString })
    const inOrders = postgresStore(orders)
    await inOrders.applySchema()

    const save = inbox(
      async (order: { readonly id: string; readonly cents: number }, { tx }) => {
        await tx.query('insert into orders values ($1, $2)', [order.id, order.cents])
      },
      { store: inOrders, scope: 'orders.save', key: (order) => order.id },
    )
    // #endregion
    expect(await save.once({ id: 'a', cents: 500 })).toMatchObject({ status: 'handled' })
    expect(await save.once({ id: 'a', cents: 500 })).toMatchObject({ status: 'duplicate' })
    expect((await orders.query('select * from orders')).rows).toEqual([{ id: 'a', cents: 500 }])
    await orders.end()
    await pool.query(`drop schema ${schema} cascade`)
  })
})
