import { createPool as createCallbackPool } from 'mysql2'
import { CompiledQuery, Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2/promise'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { hasCode, inbox, laneCount } from 'hapax'
import { mysqlOutbox, mysqlStore } from 'hapax/stores/mysql'
import { outboxSuite } from 'hapax/testing'
import { mysqlUrl } from '../../services/places.js'
import { freshName, makeTables } from './mysql-table.js'
import type { Transaction } from 'kysely'
import type { Pool, PoolConnection, PoolOptions, RowDataPacket } from 'mysql2/promise'
import type { Outgoing, Publisher } from 'hapax'
import type { MysqlBridge, MysqlOutbox } from 'hapax/stores/mysql'

const { pool, one } = makeTables()

/** Makes the tables of an outbox, and takes them away afterwards. */
async function withOutbox(look: (outbox: MysqlOutbox<PoolConnection>, table: string) => Promise<void>, table = freshName()): Promise<void> {
  const outbox = mysqlOutbox(pool, { table })
  await outbox.applySchema()
  try {
    await look(outbox, table)
  } finally {
    await pool.query(`drop table if exists \`${table}\`, \`${table}_lanes\``)
  }
}

/** For the length of a transaction of the user's own. */
async function begun<Value>(run: (tx: PoolConnection) => Promise<Value>, by: Pool = pool): Promise<Value> {
  const tx = await by.getConnection()
  try {
    await tx.beginTransaction()
    const value = await run(tx)
    await tx.commit()
    return value
  } finally {
    await tx.rollback().catch(() => undefined)
    tx.release()
  }
}

const message = (body: Outgoing['body'], orderingKey?: string): Outgoing => ({ destination: 'orders', body, orderingKey })
const longMs = 600_000
const allLanes = Array.from({ length: laneCount }, (_, lane) => lane)
const refusal = (option: string) => (error: unknown) => hasCode(error, 'configuration') && (error as { option?: string }).option === option

interface Tables {
  [name: string]: { name: string }
}

function openKysely() {
  const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createCallbackPool(mysqlUrl) }) })
  const bridge: MysqlBridge<Transaction<Tables>> = {
    query: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
    queryIn: (tx, text, values) => tx.executeQuery(CompiledQuery.raw(text, values)),
    transaction: (run) => db.transaction().execute(run),
  }
  return { db, bridge }
}

const settings: Record<string, { readonly pool?: PoolOptions; readonly session?: string }> = {
  'a pool as it comes': {},
  'a pool that reads everything in its own way': {
    pool: {
      flags: ['-FOUND_ROWS'],
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      typeCast: false,
      charset: 'latin1',
    },
    session: `set session time_zone = '+05:45', sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,HIGH_NOT_PRECEDENCE'`,
  },
  'a pool that is serializable': {
    session: 'set session transaction isolation level serializable',
  },
}

for (const [name, setting] of Object.entries(settings)) {
  describe(name, () => {
    const suite = outboxSuite<PoolConnection>({
      wakes: false,
      sideBySide: true,
      async open() {
        const table = freshName()
        await mysqlOutbox(pool, { table }).applySchema()
        return {
          openHandle() {
            const own = createPool({ uri: mysqlUrl, ...setting.pool })
            const { session } = setting
            if (session) own.on('connection', (connection) => void connection.query(session))
            const store = mysqlStore(own, { table })
            return { outbox: mysqlOutbox(own, { table }), transaction: (run) => store.transaction(run), close: () => own.end() }
          },
          close: async () => void (await pool.query(`drop table ${table}, ${table}_lanes`)),
        }
      },
    })
    for (const each of suite) test(each.name, each.run)
  })
}

describe('a bridge to Kysely', () => {
  const suite = outboxSuite<Transaction<Tables>>({
    wakes: false,
    sideBySide: true,
    async open() {
      const table = freshName()
      await mysqlOutbox(pool, { table }).applySchema()
      return {
        openHandle() {
          const { db, bridge } = openKysely()
          return {
            outbox: mysqlOutbox(bridge, { table }),
            transaction: (run) => mysqlStore(bridge, { table }).transaction(run),
            close: () => db.destroy(),
          }
        },
        close: async () => void (await pool.query(`drop table ${table}, ${table}_lanes`)),
      }
    },
  })
  for (const each of suite) test(each.name, each.run)
})

describe('the tables', () => {
  test('can be read by people', async () => {
    await withOutbox(async (outbox, table) => {
      await begun((tx) => outbox.send(tx, { destination: 'order.paid', body: 'Straße', orderingKey: 'é', id: 'paid-17' }))
      const [[row]] = await pool.query<RowDataPacket[]>(`select head, convert(body using utf8mb4) as body, failures, reason from ${table}`)
      expect(row).toEqual({
        head: '{"id":"paid-17","destination":"order.paid","orderingKey":"\\u00e9"}',
        body: 'Straße',
        failures: 0,
        reason: null,
      })
      const [entry] = await outbox.table.read(allLanes, 1)
      await outbox.table.setAside(entry?.position ?? 0, { failures: 3, reason: 'zu groß 🥨 '.repeat(2_000) })
      const reason = await one(`select reason from ${table}`)
      expect(reason).toMatch(/^zu groß 🥨 /)
      expect((await outbox.listSetAside())[0]?.reason).toBe(reason)
    })
  })

  test('are made once, by however many begin at the same time', async () => {
    await withOutbox(async (outbox, table) => {
      await pool.query(`drop table ${table}, ${table}_lanes`)
      await Promise.all(Array.from({ length: 10 }, () => outbox.applySchema()))
      await outbox.table.check()
      await begun((tx) => outbox.send(tx, message('kept')))
      await outbox.applySchema()
      expect((await outbox.depth()).waiting).toBe(1)
      expect(await one(`select count(*) from ${table}_lanes`)).toBe(laneCount)
    })
  })

  test('are made by the text of createTable, too', async () => {
    const table = freshName()
    const outbox = mysqlOutbox(pool, { table })
    const script = createPool({ uri: mysqlUrl, multipleStatements: true })
    try {
      await script.query(outbox.createTable)
      await script.query(outbox.createTable)
      await outbox.table.check()
    } finally {
      await script.query(`drop table if exists ${table}, ${table}_lanes`)
      await script.end()
    }
  })

  test('may be named by a word of SQL, and be in a database of their own', async () => {
    const schema = freshName()
    await pool.query(`create database ${schema}`)
    try {
      const outbox = mysqlOutbox(pool, { table: 'order', schema })
      await expect(outbox.table.check()).rejects.toSatisfy(refusal('table'))
      await outbox.applySchema()
      await outbox.table.check()
      await begun((tx) => outbox.send(tx, [message('1'), message('2', 'a')]))
      const lanes = await outbox.table.takeLanes({ nonce: '1', most: 8, leaseMs: longMs })
      const read = await outbox.table.read(lanes, 10)
      expect(read).toHaveLength(2)
      const [first, second] = read.map(({ position }) => position)
      await outbox.table.failed(first ?? 0, { failures: 1, restMs: longMs, reason: 'no' })
      await outbox.table.sent([second ?? 0], 1)
      await expect
        .poll(() => one(`select count(*) from ${schema}.\`order\` where lane = -2 and due_ms <= unix_timestamp(now(3)) * 1000`))
        .toBe(1)
      expect(await outbox.table.sweep()).toBe(false)
      expect(await one(`select count(*) from ${schema}.\`order\``)).toBe(1)
    } finally {
      await pool.query(`drop database ${schema}`)
    }
  })

  test('that could not hold the promises are refused', async () => {
    const refusedWith = async (change: (table: string) => string, message: string) =>
      withOutbox(async (outbox, table) => {
        await pool.query(change(table))
        const checked = outbox.table.check()
        await expect(checked).rejects.toSatisfy(refusal('table'))
        await expect(checked).rejects.toThrow(message)
      })
    await refusedWith((table) => `drop table ${table}`, 'There is no table')
    await refusedWith((table) => `drop table ${table}_lanes`, 'create table if not exists')
    await refusedWith((table) => `alter table ${table} drop column due_ms`, 'due_ms must be bigint, and is missing')
    await refusedWith((table) => `alter table ${table} modify body blob not null`, 'body must be longblob, and is blob')
    await refusedWith((table) => `alter table ${table} drop index lane_due`, 'has no index lane_due: run alter table')
    await refusedWith((table) => `alter table ${table} engine = MyISAM`, 'has no transactions (engine MyISAM)')
    await refusedWith((table) => `alter table ${table}_lanes drop primary key`, 'has no lane smallint that alone is its primary key')
  })

  test('whose lanes are missing get them back', async () => {
    await withOutbox(async (outbox, table) => {
      await pool.query(`delete from ${table}_lanes where lane between 3 and 20`)
      await outbox.table.check()
      expect(await one(`select count(*) from ${table}_lanes`)).toBe(laneCount)
    })
  })

  test('that may not be written, or are read with what is not committed, are refused', async () => {
    await withOutbox(async (_, table) => {
      const mistaken = {
        'takes no writes': 'set session transaction read only',
        'reads what is not committed': 'set session transaction isolation level read uncommitted',
        'has autocommit off': 'set session autocommit = 0',
      }
      for (const [message, statement] of Object.entries(mistaken)) {
        const own = createPool(mysqlUrl)
        own.on('connection', (connection) => void connection.query(statement))
        try {
          const checked = mysqlOutbox(own, { table }).table.check()
          await expect(checked).rejects.toSatisfy(refusal('database'))
          await expect(checked).rejects.toThrow(message)
        } finally {
          await own.end()
        }
      }
      const user = freshName()
      await pool.query(`create user ${user}@'%' identified by ?`, [user])
      await pool.query(`grant select, insert, update on ${table} to ${user}@'%'`)
      await pool.query(`grant select, insert, update on ${table}_lanes to ${user}@'%'`)
      const url = new URL(mysqlUrl)
      url.username = user
      url.password = user
      const limited = createPool(url.href)
      try {
        await expect(mysqlOutbox(limited, { table }).table.check()).rejects.toThrow('grant it SELECT, INSERT, UPDATE and DELETE')
        await pool.query(`grant delete on ${table} to ${user}@'%'`)
        await mysqlOutbox(limited, { table }).table.check()
      } finally {
        await limited.end()
        await pool.query(`drop user ${user}@'%'`)
      }
    })
  })
})

test('nonsense is refused by name', () => {
  const refused = (make: () => unknown, option: string) => expect(make).toThrow(expect.toSatisfy(refusal(option)))
  refused(() => mysqlOutbox({} as Pool), 'database')
  refused(() => mysqlOutbox({ query: pool.query } as unknown as Pool), 'database')
  refused(() => mysqlOutbox(pool.pool as unknown as Pool), 'database')
  refused(() => mysqlOutbox(pool, { table: 'a`b' }), 'table')
  refused(() => mysqlOutbox(pool, { schema: 'a.b' }), 'schema')
})

test('tx is what the database hands out, without a cast', () => {
  expectTypeOf(mysqlOutbox(pool)).toEqualTypeOf<MysqlOutbox<PoolConnection>>()
  const bridged = () => mysqlOutbox(openKysely().bridge)
  expectTypeOf(bridged).returns.toEqualTypeOf<MysqlOutbox<Transaction<Tables>>>()
})

describe('open transactions', () => {
  test('are waited for by nobody, and wait for nobody', async () => {
    await withOutbox(async (outbox, table) => {
      const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)
      const toAll = (text: string) => keys.map((key) => message(text, key))
      for (const level of ['repeatable read', 'serializable', 'read committed']) {
        const impatient = createPool(mysqlUrl)
        impatient.on('connection', (connection) => {
          void connection.query(`set session transaction isolation level ${level}`)
          // Who waits longer than a second is told so.
          void connection.query('set session innodb_lock_wait_timeout = 1')
        })
        const other = mysqlOutbox(impatient, { table }).table
        try {
          await begun((tx) => outbox.send(tx, toAll('before')))
          await begun(async (tx) => {
            await tx.query('select 1')
            await outbox.send(tx, toAll('open'))
            await begun(async (tx2) => {
              await outbox.send(tx2, toAll('open, too'))
              // All of every lane is taken, read, failed, set aside, sent and swept, up to the gap in which the open transactions add.
              const lanes = await other.takeLanes({ nonce: level, most: laneCount, leaseMs: longMs })
              const read = await other.read(lanes, 1_000)
              expect(read.map(({ body }) => Buffer.from(body).toString()).every((text) => text === 'before')).toBe(true)
              expect(read).toHaveLength(keys.length)
              const positions = read.map(({ position }) => position)
              const [failing = 0, aside = 0, ...rest] = positions
              await other.failed(failing, { failures: 1, restMs: longMs, reason: 'no' })
              expect(await other.setAside(aside, { failures: 1, reason: 'no' })).toBe(true)
              expect(await other.sendAgain([{ position: aside, lane: laneCount + 7 }])).toBe(1)
              expect(await other.sendAgain([{ position: aside, lane: laneCount + 7 }])).toBe(0)
              await other.sent(rest.slice(0, 100), 1)
              await other.sent(rest.slice(100), 0)
              // Those that are gone, and those that nobody has seen yet.
              await other.sent([...rest, ...rest.map((position) => position + 1_000_000)], 0)
              await other.keepLanes(level, lanes, longMs)
              await outbox.send(tx, toAll('open still'))
              await other.sweep()
              expect((await other.depth()).waiting).toBe(2)
              await other.giveLanes(level, lanes, 0)
              await outbox.send(tx2, toAll('open still, too'))
              await other.sent([failing, aside], 0)
            }, impatient)
          }, impatient)
          const left = await other.read(allLanes, 1_000)
          expect(left).toHaveLength(4 * keys.length)
          await other.sent(
            left.map(({ position }) => position),
            0,
          )
          expect(await other.read(allLanes, 1)).toEqual([])
        } finally {
          await impatient.end()
        }
      }
    })
  })

  test('that somebody else has at sent messages do not hold up the sweep of others', async () => {
    await withOutbox(async (outbox, table) => {
      await begun((tx) => outbox.send(tx, [message('1'), message('2'), message('3')]))
      const [first = 0, ...others] = (await outbox.table.read(allLanes, 10)).map(({ position }) => position)
      await outbox.table.sent([first, ...others], 1)
      const over = `select count(*) from ${table} where lane = -2 and due_ms < timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) div 1000`
      await expect.poll(() => one(over)).toBe(3)
      await begun(async (tx) => {
        await tx.query(`select 1 from ${table} where position = ? for update`, [first])
        expect(await outbox.table.sweep()).toBe(false)
        expect(await one(over)).toBe(1)
      })
      await outbox.table.sweep()
      expect(await one(over)).toBe(0)
    })
  })

  test('that was no transaction is told', async () => {
    await withOutbox(async (outbox) => {
      const idle = await pool.getConnection()
      await expect(outbox.send(idle, message('x'))).rejects.toThrow('has committed by itself')
      idle.release()
      await expect(outbox.send(pool as never, message('x'))).rejects.toThrow('tx is a pool')
    })
  })
})

test('a step that falls victim to a deadlock is done again', async () => {
  await withOutbox(async (outbox, table) => {
    await begun((tx) => outbox.send(tx, [message('x'), message('x'), message('x')]))
    const [first = 0, second = 0] = (await outbox.table.read(allLanes, 100)).map(({ position }) => position).toSorted((a, b) => a - b)
    // information_schema.innodb_trx shows what it showed before, as long as it is asked all the time.
    const isWaiting = async (id: number) => {
      const [[row]] = await pool.query<RowDataPacket[]>('show engine innodb status')
      return String(row?.Status)
        .split('---TRANSACTION')
        .some((part) => part.includes('LOCK WAIT') && part.includes(` thread id ${id},`))
    }
    const single = createPool({ uri: mysqlUrl, connectionLimit: 1 })
    const [[row]] = await single.query<RowDataPacket[]>('select connection_id() as id')
    const tx = await pool.getConnection()
    try {
      await tx.beginTransaction()
      // The server gives up the transaction that has changed less.
      await outbox.send(
        tx,
        Array.from({ length: 30 }, () => message('x')),
      )
      await tx.query(`select 1 from ${table} where position = ? for update`, [second])
      const sending = mysqlOutbox(single, { table }).table.sent([first, second], 0)
      await expect.poll(() => isWaiting(Number(row?.id)), { timeout: 20_000 }).toBe(true)
      // It gets what the other one had locked: that was given up.
      await tx.query(`select 1 from ${table} where position = ? for update`, [first])
      await tx.rollback()
      await sending
      expect((await outbox.depth()).waiting).toBe(1)
    } finally {
      tx.release()
      await single.end()
    }
  })
})

describe('long messages', () => {
  test('are refused where the server would not take them, and nothing is lost by it', async () => {
    await withOutbox(async (outbox) => {
      const most = Number(await one('select @@max_allowed_packet'))
      await begun(async (tx) => {
        await outbox.send(tx, message('before'))
        await expect(outbox.send(tx, message(Buffer.alloc(most / 2, 'x')))).rejects.toThrow('(max_allowed_packet)')
        await outbox.send(tx, message(Buffer.alloc(most / 2 - 100_000, 'y')))
        await outbox.send(tx, message('after'))
      })
      const read = await outbox.table.read(allLanes, 10)
      expect(read.map(({ body }) => body.length).toSorted((a, b) => a - b)).toEqual([5, 6, most / 2 - 100_000])
    })
  })

  test('are read in slices, and not too many at once', async () => {
    await withOutbox(async (outbox, table) => {
      const sizes = [262_143, 262_144, 262_145, 524_288, 3_000_000]
      for (const size of sizes) await begun((tx) => outbox.send(tx, message(Buffer.alloc(size, `${size} `), 'a')))
      await begun((tx) => outbox.send(tx, message(Buffer.from('🥨'.repeat(200_000)), 'a')))
      const [[row]] = await pool.query<RowDataPacket[]>(`select lane from ${table} limit 1`)
      const read = await outbox.table.read([Number(row?.lane)], 10)
      expect(read.map(({ body }) => body.length)).toEqual([...sizes, 800_000])
      for (const [index, size] of sizes.entries())
        expect(Buffer.from(read[index]?.body ?? []).equals(Buffer.alloc(size, `${size} `))).toBe(true)
      expect(Buffer.from(read[5]?.body ?? []).toString()).toBe('🥨'.repeat(200_000))
      // The bodies of a lane are read until they are 32 MiB, and of each lane one at least.
      const big = Buffer.alloc(5_000_000)
      for (let count = 0; count < 10; count += 1) await begun((tx) => outbox.send(tx, [message(big, 'a')]))
      for (let count = 0; count < 3; count += 1) await begun((tx) => outbox.send(tx, [message(big, 'b')]))
      const some = await outbox.table.read(allLanes, 100)
      const lanes = [...new Set(some.map(({ lane }) => lane))]
      expect(lanes).toHaveLength(2)
      expect(some.length).toBeLessThan(16)
    })
  })
})

test('what fails in one lane keeps its ordering key from being read, and is read again first', async () => {
  await withOutbox(async (outbox) => {
    await begun((tx) =>
      outbox.send(
        tx,
        Array.from({ length: 40 }, (_, index) => message(`${index}`, `key-${index % 2}`)),
      ),
    )
    const { table } = outbox
    const entries = (await table.read(allLanes, 100)).filter(({ head }) => head.includes('key-1'))
    const [first] = entries
    await table.failed(first?.position ?? 0, { failures: 1, restMs: 0, reason: 'no' })
    const again = (await table.read([first?.lane ?? 0], 100)).filter(({ head }) => head.includes('key-1'))
    expect(again).toEqual([{ ...first, failures: 1, reason: 'no' }])
    expect(await table.takeLanes({ nonce: 'n', most: 64, leaseMs: longMs })).toContain(first?.lane)
  })
})

test('effect, record and message commit together', async () => {
  const schema = freshName()
  await pool.query(`create database ${schema}`)
  await pool.query(`create table ${schema}.orders (id varchar(64), cents int)`)
  const url = new URL(mysqlUrl)
  url.pathname = `/${schema}`
  const uri = url.href
  const received: Outgoing[] = []
  let came = (): void => undefined
  const hasCome = new Promise<void>((resolve) => (came = resolve))
  const publisher: Publisher = {
    async publish(messages) {
      received.push(...messages)
      came()
    },
  }
  try {
    // #region outbox
    const orders = createPool(uri)
    const store = mysqlStore(orders)
    await store.applySchema()
    const outbox = mysqlOutbox(orders)
    await outbox.applySchema()

    const save = inbox(
      async (order: { readonly id: string; readonly cents: number }, { tx }) => {
        await tx.query('insert into orders values (?, ?)', [order.id, order.cents])
        await outbox.send(tx, { destination: 'order.saved', orderingKey: order.id, body: JSON.stringify(order) })
      },
      { store, scope: 'orders.save', key: (order) => order.id },
    )
    const relay = await outbox.relay(publisher)
    // #endregion
    expect(await save.once({ id: 'a', cents: 500 })).toMatchObject({ status: 'handled' })
    expect(await save.once({ id: 'a', cents: 500 })).toMatchObject({ status: 'duplicate' })
    relay.wake()
    await hasCome
    await relay.stop()
    expect(received).toMatchObject([{ destination: 'order.saved', orderingKey: 'a' }])
    expect((await outbox.depth()).waiting).toBe(0)
    await orders.end()
  } finally {
    await pool.query(`drop database ${schema}`)
  }
})
