import { describe, expect, test, vi } from 'vitest'
import { CommitUnknownError, TransactionConflictError, inbox } from 'hapax'
import { deliver, openWorld } from './harness.js'
import type { InboxContext, TransactionalStore } from 'hapax'
import type { MemoryTransaction } from 'hapax/stores/memory'
import type { Order } from './harness.js'

type Context = InboxContext<MemoryTransaction>

function openInboxWorld(some: Partial<ReturnType<typeof openWorld>['options']> = {}) {
  const world = openWorld(some)
  const orders: string[] = []
  const meddle: { transaction?: (go: () => Promise<unknown>) => Promise<unknown> } = {}
  const store: TransactionalStore<MemoryTransaction> = {
    ...(world.options.store as TransactionalStore<MemoryTransaction>),
    transaction: <Value>(run: (tx: MemoryTransaction) => Promise<Value>): Promise<Value> =>
      (meddle.transaction?.(() => world.store.transaction(run)) as Promise<Value> | undefined) ?? world.store.transaction(run),
    claimIn: (tx, record, options) => world.store.claimIn(tx, record, options),
  }
  const options = { ...world.options, store }
  const save = (order: Order, { tx }: Context): string => {
    tx.apply(() => orders.push(order.id))
    return `saved ${order.id}`
  }
  return { ...world, options, orders, save, transactions: meddle }
}

describe('an inbox', () => {
  test.each([false, undefined, true])('commits effect and record together (redelivered %s)', async (redelivered) => {
    const { options, orders, save, clock } = openInboxWorld()
    const handler = inbox(save, options)
    expect(await handler.settle(deliver('1', { redelivered }))).toMatchObject({ status: 'handled' })
    expect(await handler.settle(deliver('1', { redelivered }))).toMatchObject({ status: 'duplicate' })
    expect(orders).toEqual(['1'])
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('claims by lease first only where the message may have been here before', async () => {
    const { options, save, meddle } = openInboxWorld()
    const claim = vi.fn((go: () => Promise<unknown>) => go())
    meddle.claim = claim
    const handler = inbox(save, options)
    await handler.settle(deliver('1', { redelivered: false }))
    expect(claim).toHaveBeenCalledTimes(0)
    await handler.settle(deliver('2', { redelivered: undefined }))
    expect(claim).toHaveBeenCalledTimes(1)
  })

  test('rolls back when the handler throws, with nothing left but the attempt', async () => {
    const { options, orders, claim, clock } = openInboxWorld()
    const handler = inbox((order: Order, { tx }: Context) => {
      tx.apply(() => orders.push(order.id))
      throw new Error('no stock')
    }, options)
    expect(await handler.settle(deliver('1'))).toMatchObject({ status: 'retried', attempts: 1 })
    expect(orders).toEqual([])
    expect(await claim('1')).toMatchObject({ status: 'busy' })
    await clock.advance(100)
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 1, lapses: 0 } })
  })

  test('that was not claimed by lease counts a throw in the header only, and nothing rests', async () => {
    const { options, claim } = openInboxWorld()
    const handler = inbox((_: Order, __: Context) => {
      throw new Error('no stock')
    }, options)
    const delivery = deliver('1', { redelivered: false })
    expect(await handler.settle(delivery)).toMatchObject({ status: 'retried', attempts: 1 })
    expect(delivery.deeds).toMatchObject([['postpone', 100, { attempts: 1 }]])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0 } })
  })

  test('renews nothing while its own transaction is open, and nobody else gets the key', async () => {
    const { options, meddle, clock, claim } = openInboxWorld()
    const renew = vi.fn((go: () => Promise<unknown>) => go())
    meddle.renew = renew
    let end = (): void => undefined
    const handler = inbox((_: Order, __: Context) => new Promise<void>((resolve) => (end = resolve)), options)
    const settled = handler.settle(deliver('1'))
    await clock.advance(5_000)
    expect(renew).not.toHaveBeenCalled()
    expect(await claim('1')).toMatchObject({ status: 'busy' })
    end()
    expect(await settled).toMatchObject({ status: 'handled' })
  })

  test('runs again after a conflict, which is no attempt', async () => {
    const { options, orders, save, transactions, clock } = openInboxWorld()
    let conflicts = 0
    transactions.transaction = async (go) => {
      conflicts += 1
      if (conflicts <= 3) throw new TransactionConflictError('deadlock')
      return go()
    }
    const settled = inbox(save, options).settle(deliver('1'))
    await clock.advance(2_000)
    expect(await settled).toMatchObject({ status: 'handled', attempts: 0 })
    expect(orders).toEqual(['1'])
  })

  test('is put off uncounted when it conflicts again and again', async () => {
    const { options, save, transactions, clock } = openInboxWorld()
    transactions.transaction = () => Promise.reject(new TransactionConflictError('deadlock'))
    const delivery = deliver('1')
    const settled = inbox(save, options).settle(delivery)
    await clock.advance(60_000)
    expect(await settled).toMatchObject({ status: 'postponed', attempts: 0 })
    expect(delivery.deeds).toMatchObject([['postpone', 100, { attempts: 0 }]])
  })

  test('whose commit is unknown and went through is handled, not a duplicate', async () => {
    const { options, orders, save, transactions, clock } = openInboxWorld()
    let lost = 0
    transactions.transaction = async (go) => {
      const value = await go()
      lost += 1
      if (lost === 1) throw new CommitUnknownError('connection reset')
      return value
    }
    const settled = inbox(save, options).settle(deliver('1'))
    await clock.advance(2_000)
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(orders).toEqual(['1'])
  })

  test('whose commit is unknown and did not go through runs again', async () => {
    const { options, orders, save, transactions, clock } = openInboxWorld()
    let lost = 0
    transactions.transaction = (go) => {
      lost += 1
      return lost === 1 ? Promise.reject(new CommitUnknownError('connection reset')) : go()
    }
    const settled = inbox(save, options).settle(deliver('1'))
    await clock.advance(2_000)
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(orders).toEqual(['1'])
  })

  test('is put off uncounted when the answers to its commits are lost again and again', async () => {
    const { options, orders, transactions, clock, troubles, claim } = openInboxWorld()
    let runs = 0
    transactions.transaction = (go) =>
      go().then(
        () => Promise.reject(new CommitUnknownError('connection reset')),
        () => Promise.reject(new CommitUnknownError('connection reset')),
      )
    const handler = inbox((_: Order, __: Context) => {
      runs += 1
      throw new Error('what the database makes of it does not commit')
    }, options)
    const delivery = deliver('1')
    const settled = handler.settle(delivery)
    await clock.advance(60_000)
    expect(await settled).toMatchObject({ status: 'postponed', attempts: 0 })
    expect(delivery.deeds).toMatchObject([['postpone', 100, { attempts: 0 }]])
    expect([runs, orders.length]).toEqual([10, 0])
    // Its claim was given back, and does not lapse: nobody died.
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away', 'recovered'])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
  })

  test('is not put off for one conflict after an outage, however long that was', async () => {
    const { options, orders, save, transactions, clock } = openInboxWorld()
    let tries = 0
    transactions.transaction = (go) => {
      tries += 1
      if (tries < 30) return Promise.reject(new Error('connection refused'))
      return tries === 30 ? Promise.reject(new TransactionConflictError('deadlock')) : go()
    }
    const settled = inbox(save, options).settle(deliver('1'))
    await clock.advance(60_000)
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(orders).toEqual(['1'])
  })

  test('a database that is away holds the delivery, whatever it throws', async () => {
    const { options, orders, save, transactions, clock, troubles } = openInboxWorld()
    transactions.transaction = () => Promise.reject(new Error('connection refused'))
    const settled = inbox(save, options).settle(deliver('1'))
    await clock.advance(30_000)
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away'])
    delete transactions.transaction
    await clock.advance(3_000)
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(orders).toEqual(['1'])
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away', 'recovered'])
  })

  test('tells a concurrent duplicate busy at once', async () => {
    const { options, clock } = openInboxWorld()
    let end = (): void => undefined
    const slow = inbox((_: Order, __: Context) => new Promise<void>((resolve) => (end = resolve)), options)
    const first = slow.settle(deliver('1', { redelivered: false }))
    await clock.settle()
    // Another process: no twin of the first.
    const other = inbox((_: Order, __: Context) => undefined, options)
    expect(await other.settle(deliver('1', { redelivered: false }))).toMatchObject({ status: 'postponed' })
    end()
    expect(await first).toMatchObject({ status: 'handled' })
  })

  test('that runs too long is rolled back a lease after maxRunMs, and that is an attempt', async () => {
    const { options, orders, clock, claim } = openInboxWorld({ maxRunMs: 5_000 })
    const handler = inbox((order: Order, { tx }: Context) => {
      tx.apply(() => orders.push(order.id))
      return new Promise<void>(() => undefined)
    }, options)
    const settled = handler.settle(deliver('1'))
    await clock.advance(6_200)
    expect(await settled).toMatchObject({ status: 'retried', attempts: 1 })
    expect(orders).toEqual([])
    await clock.advance(100)
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 1, lapses: 0 } })
  })

  test('whose commit the database refuses has used an attempt, as it would refuse it again', async () => {
    const { options, orders, save, transactions } = openInboxWorld()
    const refused = new Error('insert violates a deferred constraint')
    transactions.transaction = (go) => go().then(() => Promise.reject(refused))
    expect(await inbox(save, options).settle(deliver('1', { redelivered: false }))).toMatchObject({
      status: 'retried',
      attempts: 1,
      error: refused,
    })
    await expect(inbox(save, options).once({ id: '2' })).rejects.toBe(refused)
    expect(orders).toHaveLength(2)
  })

  test('at the end of the grace time is rolled back first, then released without a rest', async () => {
    const { options, orders, clock, claim } = openInboxWorld()
    const grace = new AbortController()
    const session = {
      places: { tryTake: () => () => undefined, take: () => Promise.resolve(() => undefined), taken: 0 },
      graceOver: grace.signal,
      hold: () => () => undefined,
      waitAside: () => () => undefined,
    }
    const handler = inbox((order: Order, { tx }: Context) => {
      tx.apply(() => orders.push(order.id))
      return new Promise<void>(() => undefined)
    }, options)
    const delivery = deliver('1')
    const settled = handler.settle(delivery, session)
    await clock.settle()
    grace.abort(new Error('grace is over'))
    await clock.advance(60)
    expect(await settled).toMatchObject({ status: 'unsettled' })
    expect(delivery.deeds).toEqual([])
    expect(orders).toEqual([])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
  })

  test('serves once, too', async () => {
    const { options, orders, save } = openInboxWorld()
    const handler = inbox(save, options)
    expect(await handler.once({ id: '1' })).toEqual({ status: 'handled', value: 'saved 1' })
    expect(await handler.once({ id: '1' })).toEqual({ status: 'duplicate' })
    expect(orders).toEqual(['1'])
  })
})
