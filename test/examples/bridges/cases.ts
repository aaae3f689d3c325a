import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { transactionalStoreSuite } from 'hapax/testing'
import type { Idempotent, TransactionalStore } from 'hapax'
import type { Order } from '../../../examples/bridges/order.js'
import type { Proxy } from '../../services/proxy.js'
import type { Database } from './database.js'

/** One of the examples, opened. */
export interface Example<Tx> {
  readonly store: TransactionalStore<Tx> & { applySchema(): Promise<void> }
  readonly save: Idempotent<Order, void>
  close(): Promise<unknown>
}

export interface ExampleCases<Tx> {
  openDatabase(): Promise<Database>
  open(url: string): Example<Tx>
  /** Runs a statement as it is. */
  raw(tx: Tx, text: string): Promise<unknown>
  /** How the library writes it. */
  readonly commit: string
  /** Sees to it that another transaction is not the one that gives way in a deadlock. */
  readonly stronger: string
}

/** An example on a database of its own, and what is in it. */
export interface Stage<Tx> {
  readonly database: () => Database
  readonly example: () => Example<Tx>
  /** An order of three pieces of something of which there are so many. */
  stocked(pieces: number): Promise<Order>
  /** Whether the order is there, and how many pieces are left. */
  found(order: Order): Promise<{ readonly saved: boolean; readonly left: unknown }>
}

export function setStage<Tx>({ openDatabase, open }: ExampleCases<Tx>): Stage<Tx> {
  let database: Database
  let example: Example<Tx>
  beforeAll(async () => {
    database = await openDatabase()
    example = open(database.url)
    await example.store.applySchema()
  })
  afterAll(async () => {
    await example.close()
    await database.drop()
  })
  return {
    database: () => database,
    example: () => example,
    async stocked(pieces) {
      const order = { id: randomUUID(), item: randomUUID(), quantity: 3 }
      await database.ask(`insert into stock values ('${order.item}', ${pieces})`)
      return order
    },
    async found({ id, item }) {
      const orders = await database.ask(`select id from orders where id = '${id}'`)
      const [stock] = await database.ask(`select pieces from stock where item = '${item}'`)
      return { saved: orders.length === 1, left: stock?.pieces }
    },
  }
}

/** What each example has to keep of the promises of an inbox. */
export function exampleCases<Tx>(cases: ExampleCases<Tx>, { database, example, stocked, found }: Stage<Tx>): void {
  const { open, raw, commit, stronger } = cases

  test('effect and record commit together, once', async () => {
    const order = await stocked(10)
    const results = await Promise.all(Array.from({ length: 5 }, () => example().save.once(order)))
    expect(results.filter(({ status }) => status === 'handled')).toHaveLength(1)
    expect((await example().save.once(order)).status).toBe('duplicate')
    expect(await found(order)).toEqual({ saved: true, left: 7 })
  })

  test('a handler that throws leaves neither', async () => {
    const order = await stocked(2)
    await expect(example().save.once(order)).rejects.toThrow()
    expect(await found(order)).toEqual({ saved: false, left: 2 })
    await database().ask(`update stock set pieces = 5 where item = '${order.item}'`)
    expect((await example().save.once(order)).status).toBe('handled')
    expect(await found(order)).toEqual({ saved: true, left: 2 })
  })

  /** Has whoever inserts the order and then takes from the stock be the victim of a deadlock. */
  const cross = async ({ id, item }: Order, run: () => Promise<unknown>): Promise<unknown> => {
    const other = await database().begin(stronger, `update stock set pieces = pieces - 1 where item = '${item}'`)
    const running = Promise.allSettled([run()])
    await database().somebodyWaits()
    await other.send(`insert into orders values ('${id}', 'crossed', 1)`)
    await other.send(`delete from orders where id = '${id}'`)
    await other.commit()
    const [result] = await running
    return result.status === 'fulfilled' ? result.value : result.reason
  }

  test('a deadlock is told by its code', async () => {
    const order = await stocked(10)
    const { store } = example()
    const result = await cross(order, () =>
      store.transaction(async (tx) => {
        await raw(tx, `insert into orders values ('${order.id}', '${order.item}', 3)`)
        await raw(tx, `update stock set pieces = pieces - 3 where item = '${order.item}'`)
      }),
    )
    expect(result).toSatisfy((error) => hasCode(error, 'transaction-conflict'))
    expect(await found(order)).toEqual({ saved: false, left: 9 })
  })

  test('a handler in a deadlock is run again', async () => {
    const order = await stocked(10)
    expect(await cross(order, () => example().save.once(order))).toMatchObject({ status: 'handled' })
    expect(await found(order)).toEqual({ saved: true, left: 6 })
  })

  for (const when of ['before', 'after'] as const) {
    test(`a connection that is cut ${when} the server got the commit is told by its code; an inbox loses and doubles nothing`, async () => {
      const { url, proxy } = await database().behindProxy()
      const { store, save, close } = open(url)
      await store.check(expect.fail)

      proxy.cutAt(when, commit)
      const run = store.transaction((tx) => raw(tx, "insert into orders values ('cut', 'cut', 1)"))
      await expect(run).rejects.toSatisfy((error) => hasCode(error, 'commit-unknown'))

      const order = await stocked(10)
      proxy.cutAt(when, commit)
      expect((await save.once(order)).status).toBe('handled')
      expect(await found(order)).toEqual({ saved: true, left: 7 })
      expect((await example().save.once(order)).status).toBe('duplicate')
      await close()
      await database().ask("delete from orders where id = 'cut'")
    })
  }

  describe('keeps what is asked of a store with transactions', () => {
    const proxies = new WeakMap<object, Proxy>()
    const suite = transactionalStoreSuite<Tx>({
      async open() {
        const { url, proxy } = await database().behindProxy()
        const { store, close } = open(url)
        proxies.set(store, proxy)
        return { store, close: async () => void (await close()) }
      },
      write: async (tx, row) => void (await raw(tx, `insert into orders values ('${row}', 'suite', 1)`)),
      has: async (row) => (await found({ id: row, item: 'suite', quantity: 1 })).saved,
      conflict: { cannot: 'there is a real one among the other tests' },
      async loseNextCommit(store) {
        await store.check(expect.fail)
        proxies.get(store)?.cutAt('after', commit)
      },
    })
    for (const each of suite) test(each.name, each.run)
  })
}
