import { describe, expect, test, vi } from 'vitest'
import { DeadLetterError, idempotent, recordKey } from 'hapax'
import { openPlaces } from '../../../src/places.js'
import { away, deliver, never, openWorld, slowHandler } from './harness.js'
import type { Session } from 'hapax'
import type { Order } from './harness.js'

const failing = (): never => {
  throw new Error('no money')
}

function openSession(places = 16): { session: Session; endGrace(): void; held(): number } {
  const grace = new AbortController()
  let held = 0
  return {
    session: {
      places: openPlaces(places),
      graceOver: grace.signal,
      hold() {
        held += 1
        let over = false
        return () => {
          if (!over) held -= 1
          over = true
        }
      },
      waitAside: () => () => undefined,
    },
    endGrace: () => grace.abort(new Error('grace is over')),
    held: () => held,
  }
}

describe('a delivery', () => {
  test('whose key is free is handled, recorded, and then acked', async () => {
    const { store, options, meddle, outcomes, clock } = openWorld()
    const delivery = deliver('1')
    meddle.complete = (go) => {
      expect(delivery.deeds).toEqual([])
      return go()
    }
    const charge = idempotent((order: Order) => `charged ${order.id}`, options)
    expect(await charge.settle(delivery)).toMatchObject({ status: 'handled', key: '1', attempts: 0 })
    expect(delivery.deeds).toEqual([['ack']])
    expect(outcomes).toHaveLength(1)
    expect(await store.claim(recordKey('charge', '1'), { nonce: 'x', leaseMs: 1, memoryMs: 1 })).toEqual({ status: 'duplicate' })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('whose key is consumed is acked unrun', async () => {
    const { options, clock } = openWorld()
    const handler = vi.fn((order: Order) => order.id)
    const charge = idempotent(handler, options)
    await charge.settle(deliver('1'))
    const again = deliver('1')
    expect(await charge.settle(again)).toMatchObject({ status: 'duplicate' })
    expect(again.deeds).toEqual([['ack']])
    expect(handler).toHaveBeenCalledTimes(1)
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('whose key is busy is postponed by what is left, its attempts kept', async () => {
    const { options, takeOver } = openWorld()
    await takeOver('1')
    const delivery = deliver('1', { attempts: 1, postponements: 2 })
    expect(await idempotent(failing, options).settle(delivery)).toMatchObject({ status: 'postponed', delayMs: 1_200 })
    expect(delivery.deeds).toEqual([['postpone', 1_200, { scope: 'charge', key: '1', attempts: 1, postponements: 3, replay: false }]])
  })

  test('whose key is busy gives its place back before its copy is confirmed', async () => {
    const { options, takeOver, clock } = openWorld()
    await takeOver('1')
    const { session } = openSession(1)
    const confirms: (() => void)[] = []
    const busy = deliver('1', { postpone: () => new Promise((resolve) => confirms.push(resolve)) })
    const handler = idempotent((order: Order) => order.id, options)
    const postponed = handler.settle(busy, session)
    await clock.settle()
    expect(confirms).toHaveLength(1)
    expect(await handler.settle(deliver('2'), session)).toMatchObject({ status: 'handled' })
    confirms[0]?.()
    expect(await postponed).toMatchObject({ status: 'postponed' })
    expect(session.places.taken).toBe(0)
  })

  test('whose key is busy for longer than overdueMs is reported', async () => {
    const { options, takeOver, troubles } = openWorld({ overdueMs: 5_000 })
    await takeOver('1')
    await idempotent(failing, options).settle(deliver('1', { waitedMs: 5_001 }))
    expect(troubles).toMatchObject([{ kind: 'overdue', key: '1' }])
  })

  test('whose key is busy waits in place with whenBusy wait', async () => {
    const { options, takeOver, clock } = openWorld({ whenBusy: 'wait' })
    await takeOver('1')
    const delivery = deliver('1')
    const settled = idempotent((order: Order) => order.id, options).settle(delivery)
    await clock.advance(1_199)
    expect(delivery.deeds).toEqual([])
    await clock.advance(1)
    expect(await settled).toMatchObject({ status: 'handled' })
  })

  test('whose handler throws is released with its attempt, rests, and is postponed by the same back-off', async () => {
    const { options, claim, clock, outcomes } = openWorld()
    const charge = idempotent(failing, options)
    const first = deliver('1')
    expect(await charge.settle(first)).toMatchObject({ status: 'retried', delayMs: 100, attempts: 1 })
    expect(first.deeds).toEqual([['postpone', 100, { scope: 'charge', key: '1', attempts: 1, postponements: 0, replay: false }]])
    expect(await claim('1')).toMatchObject({ status: 'busy' })
    await clock.advance(100)
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 1, lapses: 0 } })
    expect(outcomes[0]).toMatchObject({ error: expect.objectContaining({ message: 'no money' }) as unknown })
  })

  test('counts attempts by the larger of header and record', async () => {
    const { options, clock } = openWorld()
    const charge = idempotent(failing, options)
    await charge.settle(deliver('1', { attempts: 1 }))
    await clock.advance(1_000)
    const last = deliver('1', { attempts: 0 })
    expect(await charge.settle(last)).toMatchObject({ status: 'dead-lettered', attempts: 3 })
  })

  test('whose handler has failed for the last time: dead letter confirmed, then forgotten, then acked', async () => {
    const { options, claim, meddle } = openWorld()
    const delivery = deliver('1', { attempts: 2 })
    const order: string[] = []
    meddle.release = (go) => {
      order.push(`release after ${delivery.deeds.map(([deed]) => deed).join()}`)
      return go()
    }
    await idempotent(failing, options).settle(delivery)
    expect(order).toEqual(['release after dead-letter'])
    expect(delivery.deeds).toMatchObject([['dead-letter', 'failed 3 times: no money', { attempts: 3, key: '1' }], ['ack']])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
  })

  test('whose handler asks for it is dead-lettered at once', async () => {
    const { options } = openWorld()
    const delivery = deliver('1')
    const handler = (): never => {
      throw new DeadLetterError('card is closed')
    }
    await idempotent(handler, options).settle(delivery)
    expect(delivery.deeds).toMatchObject([['dead-letter', 'card is closed', {}], ['ack']])
  })

  test('whose handler fails waits in place with whenFailed wait, and fails for good there', async () => {
    const { options, clock, outcomes } = openWorld({ whenFailed: 'wait' })
    const delivery = deliver('1')
    const settled = idempotent(failing, options).settle(delivery)
    await clock.advance(1_100)
    expect(await settled).toMatchObject({ status: 'dead-lettered', attempts: 3 })
    expect(outcomes.map(({ status }) => status)).toEqual(['retried', 'retried', 'dead-lettered'])
  })

  test('that failed in place does not lose its order because its own rest is not quite over', async () => {
    const { options, clock, meddle, outcomes } = openWorld({ whenFailed: 'wait' })
    let claims = 0
    meddle.claim = (go) => {
      claims += 1
      return claims === 2 ? Promise.resolve({ status: 'busy', retryInMs: 1 }) : go()
    }
    let runs = 0
    const settled = idempotent(() => {
      runs += 1
      if (runs === 1) throw new Error('no money')
    }, options).settle(deliver('1'))
    await clock.advance(101)
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(outcomes.map(({ status }) => status)).toEqual(['retried', 'handled'])
  })

  test.each([
    ['a decode that throws', { decode: (): never => failing() }, 'no money'],
    ['a decode that rejects', { decode: (): Promise<never> => Promise.reject(new Error('not JSON')) }, 'not JSON'],
    ['a key function that throws', { decode: () => null as unknown as Order }, 'the function key threw'],
    ['no key', { decode: () => ({}) as Order }, 'gave undefined'],
    ['an empty key', { decode: () => ({ id: '' }) }, 'an empty text'],
  ])('that has %s is dead-lettered with the error', async (_, some, reason) => {
    const { options } = openWorld()
    const delivery = deliver('1', some)
    expect(await idempotent((order: Order) => order.id, options).settle(delivery)).toMatchObject({
      status: 'dead-lettered',
      key: undefined,
    })
    expect(delivery.deeds).toMatchObject([['dead-letter', expect.stringContaining(reason), { key: undefined }], ['ack']])
  })

  test('has its key computed once, before the handler can change the message', async () => {
    const { options, claim } = openWorld()
    const key = vi.fn((order: Order) => order.id)
    const handler = (order: { id: string }): void => {
      order.id = 'changed'
    }
    await idempotent(handler, { ...options, key }).settle(deliver('1'))
    expect(key).toHaveBeenCalledTimes(1)
    expect(await claim('1')).toEqual({ status: 'duplicate' })
  })
})

describe('a twin', () => {
  test('waits without a place, and is acked without a word to the store when the first is recorded', async () => {
    const { options, meddle, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    const { session } = openSession(1)
    let claims = 0
    meddle.claim = (go) => {
      claims += 1
      return go()
    }
    const first = charge.settle(deliver('1'), session)
    await clock.settle()
    const twin = deliver('1')
    const second = charge.settle(twin, session)
    await clock.settle()
    expect(session.places.taken).toBe(1)
    runs[0]?.end()
    expect(await first).toMatchObject({ status: 'handled' })
    expect(await second).toMatchObject({ status: 'duplicate' })
    expect(twin.deeds).toEqual([['ack']])
    expect(claims).toBe(1)
  })

  test('claims as usual when the first was superseded: nobody says that it is recorded', async () => {
    const { options, clock, takeOver, meddle } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    meddle.renew = away
    const first = charge.settle(deliver('1'))
    await clock.advance(1_201)
    await takeOver('1')
    const twin = deliver('1')
    const second = charge.settle(twin)
    await clock.settle()
    runs[0]?.end()
    expect(await first).toMatchObject({ status: 'lease-lost' })
    expect(await second).toMatchObject({ status: 'postponed' })
  })

  test('claims as usual when the first fails', async () => {
    const { options, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    const first = charge.settle(deliver('1'))
    await clock.settle()
    const second = charge.settle(deliver('1'))
    await clock.settle()
    runs[0]?.fail()
    expect(await first).toMatchObject({ status: 'retried' })
    expect(await second).toMatchObject({ status: 'postponed', delayMs: 100 })
  })

  test('is one of many: when the first fails, one goes on and the others wait for that one', async () => {
    const { options, clock, meddle } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    let claims = 0
    meddle.claim = (go) => {
      claims += 1
      return go()
    }
    const first = charge.settle(deliver('1'))
    await clock.settle()
    const others = [charge.settle(deliver('1')), charge.settle(deliver('1')), charge.settle(deliver('1'))]
    await clock.settle()
    meddle.release = (go) => go()
    runs[0]?.fail()
    await first
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual(['postponed', 'postponed', 'postponed'])
    expect(claims).toBe(4)
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('does not wait for ever', async () => {
    const { options, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    const first = charge.settle(deliver('1'))
    await clock.settle()
    const second = charge.settle(deliver('1'))
    await clock.advance(1_200)
    expect(await second).toMatchObject({ status: 'postponed' })
    runs[0]?.end()
    await first
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('is left when it is taken away', async () => {
    const { options, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    const first = charge.settle(deliver('1'))
    await clock.settle()
    const twin = deliver('1')
    const second = charge.settle(twin)
    await clock.settle()
    twin.takeAway()
    expect(await second).toMatchObject({ status: 'unsettled' })
    expect(twin.deeds).toEqual([])
    runs[0]?.end()
    await first
  })
})

describe('the lease', () => {
  test('is renewed while the handler runs', async () => {
    const { options, clock, claim } = openWorld()
    const { handler, runs } = slowHandler()
    const settled = idempotent(handler, options).settle(deliver('1'))
    await clock.advance(5_000)
    expect(await claim('1')).toMatchObject({ status: 'busy' })
    expect(runs[0]?.context.signal.aborted).toBe(false)
    runs[0]?.end()
    expect(await settled).toMatchObject({ status: 'handled' })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('that cannot be renewed in time aborts the signal; the work is recorded all the same', async () => {
    const { options, clock, meddle, troubles } = openWorld()
    const { handler, runs } = slowHandler()
    meddle.renew = away
    const delivery = deliver('1')
    const settled = idempotent(handler, options).settle(delivery)
    await clock.advance(1_199)
    const signal = runs[0]?.context.signal
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(signal?.reason).toMatchObject({ code: 'lease-lost' })
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away', 'renewal-late'])
    runs[0]?.end()
    expect(await settled).toMatchObject({ status: 'handled' })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('that ended while the process was stopped is known to who asks the context, before any timer', async () => {
    const { options, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const settled = idempotent(handler, options).settle(deliver('1'))
    await clock.settle()
    clock.stall(1_200)
    expect(runs[0]?.context.signal.aborted).toBe(true)
    expect(() => runs[0]?.context.signal.throwIfAborted()).toThrow(expect.objectContaining({ code: 'lease-lost' }) as Error)
    runs[0]?.fail()
    expect(await settled).toMatchObject({ status: 'postponed', attempts: 0 })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('counts from when the claim was sent, not from when it was answered', async () => {
    const { options, clock, meddle } = openWorld()
    const { handler, runs } = slowHandler()
    let answer = (): void => undefined
    meddle.claim = async (go) => {
      const result = await go()
      await new Promise<void>((resolve) => (answer = resolve))
      return result
    }
    meddle.renew = never
    void idempotent(handler, options).settle(deliver('1'))
    await clock.advance(190)
    answer()
    await clock.advance(1_009)
    expect(runs[0]?.context.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(runs[0]?.context.signal.aborted).toBe(true)
  })

  test('lost to a newer claim, handler throws: postponed uncounted, record untouched', async () => {
    const { options, clock, meddle, takeOver, store } = openWorld()
    const { handler, runs } = slowHandler()
    meddle.renew = away
    const delivery = deliver('1', { attempts: 1 })
    const settled = idempotent(handler, options).settle(delivery)
    await clock.advance(1_201)
    const other = await takeOver('1')
    runs[0]?.fail(new DeadLetterError('no'))
    expect(await settled).toMatchObject({ status: 'postponed', attempts: 1 })
    expect(delivery.deeds).toMatchObject([['postpone', 100, { attempts: 1 }]])
    expect(await store.complete(other, 1_000)).toBe(true)
  })

  test('lost to the store being away, nobody else claimed, handler throws: released uncounted', async () => {
    const { options, clock, meddle, claim } = openWorld()
    const { handler, runs } = slowHandler()
    meddle.renew = away
    const delivery = deliver('1')
    const settled = idempotent(handler, options).settle(delivery)
    await clock.advance(1_201)
    runs[0]?.fail()
    expect(await settled).toMatchObject({ status: 'postponed', attempts: 0 })
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
  })

  test('superseded unnoticed, handler throws for the last time: no dead letter, the other settles its own', async () => {
    const { options, clock, meddle, takeOver } = openWorld({ leaseMs: 1_200 })
    const { handler, runs } = slowHandler()
    meddle.renew = away
    const delivery = deliver('1', { attempts: 2 })
    const settled = idempotent(handler, options).settle(delivery)
    await clock.advance(1_200)
    await takeOver('1')
    delete meddle.renew
    runs[0]?.fail()
    expect(await settled).toMatchObject({ status: 'postponed', attempts: 2 })
    expect(delivery.deeds).toMatchObject([['postpone', 100, { attempts: 2 }]])
  })
})

describe('a run that is too long', () => {
  test('has its signal aborted; if it then throws, that is an attempt', async () => {
    const { options, clock } = openWorld({ maxRunMs: 5_000 })
    const { handler, runs } = slowHandler()
    const settled = idempotent(handler, options).settle(deliver('1'))
    await clock.advance(4_999)
    const signal = runs[0]?.context.signal
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(signal?.reason).toMatchObject({ code: 'run-too-long' })
    runs[0]?.fail()
    expect(await settled).toMatchObject({ status: 'retried', attempts: 1 })
  })

  test('is abandoned a lease later: place freed, delivery postponed, and the next claim counts a lapse', async () => {
    const { options, clock, claim, troubles } = openWorld({ maxRunMs: 5_000 })
    const { handler } = slowHandler()
    const { session } = openSession(1)
    const delivery = deliver('1')
    const settled = idempotent(handler, options).settle(delivery, session)
    await clock.advance(6_200)
    expect(await settled).toMatchObject({ status: 'postponed' })
    expect(session.places.taken).toBe(0)
    expect(delivery.deeds).toMatchObject([['postpone', 100, {}]])
    expect(troubles).toMatchObject([{ kind: 'abandoned', key: '1' }])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { lapses: 1 } })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('that returns after it was abandoned is recorded all the same', async () => {
    const { options, clock, claim } = openWorld({ maxRunMs: 5_000 })
    const { handler, runs } = slowHandler()
    const settled = idempotent(handler, options).settle(deliver('1'))
    await clock.advance(6_200)
    await settled
    runs[0]?.end()
    await clock.settle()
    expect(await claim('1')).toEqual({ status: 'duplicate' })
  })
})

describe('a store that is away', () => {
  test('at claim: the delivery is held until it answers, and nothing runs', async () => {
    const { options, clock, meddle, troubles } = openWorld()
    const handler = vi.fn((order: Order) => order.id)
    const { session, held } = openSession()
    meddle.claim = away
    const delivery = deliver('1')
    const settled = idempotent(handler, options).settle(delivery, session)
    await clock.advance(60_000)
    expect(handler).not.toHaveBeenCalled()
    expect(held()).toBe(1)
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away'])
    delete meddle.claim
    await clock.advance(2_000)
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(held()).toBe(0)
    expect(troubles.map(({ kind }) => kind)).toEqual(['store-away', 'recovered'])
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('at claim, which took effect: the same claim is given again', async () => {
    const { options, clock, meddle } = openWorld()
    let lost = 0
    meddle.claim = async (go) => {
      const result = await go()
      lost += 1
      if (lost === 1) throw new Error('connection reset')
      return result
    }
    const settled = idempotent((order: Order) => order.id, options).settle(deliver('1'))
    await clock.advance(100)
    expect(await settled).toMatchObject({ status: 'handled' })
  })

  test('at claim, answering after we gave up: what it gave is handed back, and no lapse is counted', async () => {
    const { options, clock, meddle, claim } = openWorld()
    let answer: (() => void) | undefined
    meddle.claim = async (go) => {
      await new Promise<void>((resolve) => (answer = resolve))
      return go()
    }
    const delivery = deliver('1')
    const settled = idempotent(failing, options).settle(delivery)
    await clock.settle()
    delivery.takeAway()
    await clock.advance(300)
    expect(await settled).toMatchObject({ status: 'unsettled' })
    answer?.()
    await clock.settle()
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { lapses: 0 } })
  })

  test('at claim, with whenStoreFails run: runs unclaimed, and says that it is unrecorded', async () => {
    const { options, clock, meddle } = openWorld()
    meddle.claim = away
    const delivery = deliver('1')
    const settled = idempotent((order: Order, context) => context.token, { ...options, whenStoreFails: 'run' }).settle(delivery)
    await clock.advance(10)
    expect(await settled).toMatchObject({ status: 'unrecorded' })
    expect(delivery.deeds).toEqual([['ack']])
  })

  test('at complete: tried again, then handled', async () => {
    const { options, clock, meddle } = openWorld()
    meddle.complete = away
    const delivery = deliver('1')
    const settled = idempotent((order: Order) => order.id, options).settle(delivery)
    await clock.advance(500)
    expect(delivery.deeds).toEqual([])
    delete meddle.complete
    await clock.advance(1_000)
    expect(await settled).toMatchObject({ status: 'handled' })
  })

  test('at complete for longer than recordTimeoutMs: unrecorded, and acked, as the work is done', async () => {
    const { options, clock, meddle } = openWorld({ recordTimeoutMs: 3_000 })
    meddle.complete = away
    const delivery = deliver('1')
    const settled = idempotent((order: Order) => order.id, options).settle(delivery)
    await clock.advance(3_000)
    expect(await settled).toMatchObject({ status: 'unrecorded' })
    expect(delivery.deeds).toEqual([['ack']])
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('at release: held until it answers, and only then postponed; renewed meanwhile', async () => {
    const { options, clock, meddle, claim } = openWorld()
    meddle.release = away
    const delivery = deliver('1')
    const settled = idempotent(failing, options).settle(delivery)
    await clock.advance(5_000)
    expect(delivery.deeds).toEqual([])
    expect(await claim('1')).toMatchObject({ status: 'busy' })
    delete meddle.release
    await clock.advance(2_000)
    expect(await settled).toMatchObject({ status: 'retried' })
    await clock.advance(100)
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 1, lapses: 0 } })
  })

  test('at claim, answering in time but read after a stall: nothing runs until it is sure whose the record is', async () => {
    const { options, clock, meddle, takeOver } = openWorld()
    const handler = vi.fn((order: Order) => order.id)
    let stalled = false
    meddle.claim = async (go) => {
      const result = await go()
      if (stalled) return result
      stalled = true
      // A stopped process: nothing of it runs while the time passes, and the answer is read before any timer.
      clock.stall(1_300)
      await takeOver('1')
      return result
    }
    const settled = idempotent(handler, options).settle(deliver('1'))
    await clock.advance(2_000)
    expect(await settled).toMatchObject({ status: 'postponed' })
    expect(handler).not.toHaveBeenCalled()
  })

  test('that never answers is a store that is away', async () => {
    const { options, clock, meddle, troubles } = openWorld()
    meddle.claim = never
    const settled = idempotent(failing, options).settle(deliver('1'))
    await clock.advance(1_000)
    expect(troubles).toMatchObject([{ kind: 'store-away', error: { code: 'store-away' } }])
    delete meddle.claim
    await clock.advance(3_000)
    expect(await settled).toMatchObject({ status: 'retried' })
  })
})

describe('a broker that is away', () => {
  test('when a copy is published: nothing is acked, and it is tried again', async () => {
    const { options, clock, troubles } = openWorld()
    let tries = 0
    const delivery = deliver('1', {
      postpone: () => {
        tries += 1
        return tries < 4 ? Promise.reject(new Error('no broker')) : Promise.resolve()
      },
    })
    const settled = idempotent(failing, options).settle(delivery)
    await clock.advance(5_000)
    expect(await settled).toMatchObject({ status: 'retried' })
    expect(tries).toBe(4)
    expect(delivery.deeds).toEqual([])
    expect(troubles.map(({ kind }) => kind)).toEqual(['publish-failed'])
  })

  test('when a dead letter is published: the claim is kept meanwhile', async () => {
    const { options, clock, claim } = openWorld()
    let back = false
    const delivery = deliver('1', { attempts: 2, deadLetter: () => (back ? Promise.resolve() : Promise.reject(new Error('no broker'))) })
    const settled = idempotent(failing, options).settle(delivery)
    await clock.advance(10_000)
    expect(await claim('1')).toMatchObject({ status: 'busy' })
    back = true
    await clock.advance(3_000)
    expect(await settled).toMatchObject({ status: 'dead-lettered' })
    expect(delivery.deeds).toEqual([['ack']])
  })

  test('until a stop gives up a dead letter: the claim is given back, with the failure counted and no lapse', async () => {
    const { options, clock, claim } = openWorld()
    const { session, endGrace } = openSession()
    const delivery = deliver('1', { attempts: 2, deadLetter: away })
    const settled = idempotent(failing, options).settle(delivery, session)
    await clock.advance(1_000)
    endGrace()
    expect(await settled).toMatchObject({ status: 'unsettled' })
    expect(delivery.deeds).toEqual([])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 3, lapses: 0 } })
  })

  test('when it acks: reported, as the message will come again', async () => {
    const { options, troubles } = openWorld()
    const settled = idempotent((order: Order) => order.id, options).settle(deliver('1', { ack: away }))
    expect(await settled).toMatchObject({ status: 'handled' })
    expect(troubles).toMatchObject([{ kind: 'ack-failed' }])
  })
})

describe('a suspect', () => {
  /** Leaves a lapse as a killed process would. */
  async function lapse(world: ReturnType<typeof openWorld>, id: string, times = 1): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      await world.takeOver(id)
      await world.clock.advance(1_201)
    }
  }

  test('runs at once when no other suspect does, and counts no attempt for its lapses', async () => {
    const world = openWorld()
    await lapse(world, '1')
    const seen = vi.fn((order: Order, context: { attempt: number }) => context.attempt)
    expect(await idempotent(seen, world.options).settle(deliver('1'))).toMatchObject({ status: 'handled' })
    expect(seen.mock.results[0]?.value).toBe(1)
  })

  test('is held while another one runs, its claim given back uncounted, without a place', async () => {
    const world = openWorld()
    await lapse(world, '1')
    await lapse(world, '2')
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, world.options)
    const { session } = openSession()
    const first = charge.settle(deliver('1'), session)
    await world.clock.settle()
    const delivery = deliver('2')
    const second = charge.settle(delivery, session)
    await world.clock.settle()
    expect(runs).toHaveLength(1)
    expect(session.places.taken).toBe(1)
    expect(delivery.deeds).toEqual([])
    runs[0]?.end()
    expect(await first).toMatchObject({ status: 'handled' })
    await world.clock.settle()
    runs[1]?.end()
    expect(await second).toMatchObject({ status: 'handled' })
    expect(await world.claim('2')).toEqual({ status: 'duplicate' })
  })

  test('with three lapses runs alone: when the others have ended, and nothing starts beside it', async () => {
    const world = openWorld()
    await lapse(world, 'killer', 3)
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, world.options)
    const { session } = openSession(2)
    const ordinary = charge.settle(deliver('1'), session)
    await world.clock.settle()
    const killer = charge.settle(deliver('killer'), session)
    await world.clock.settle()
    const later = charge.settle(deliver('2'), session)
    await world.clock.settle()
    expect(runs.map(({ order }) => order.id)).toEqual(['1'])
    runs[0]?.end()
    await ordinary
    await world.clock.settle()
    expect(runs.map(({ order }) => order.id)).toEqual(['1', 'killer'])
    runs[1]?.end()
    expect(await killer).toMatchObject({ status: 'handled' })
    await world.clock.settle()
    runs[2]?.end()
    expect(await later).toMatchObject({ status: 'handled' })
    expect(session.places.taken).toBe(0)
    await world.clock.settle()
    expect(world.clock.pending()).toBe(0)
  })

  test('with maxLapses is dead-lettered unrun, and so is its next copy; a marked replay starts with nothing', async () => {
    const world = openWorld({ maxLapses: 2 })
    await lapse(world, '1', 2)
    const handler = vi.fn((order: Order) => order.id)
    const charge = idempotent(handler, world.options)
    for (const delivery of [deliver('1'), deliver('1')]) {
      expect(await charge.settle(delivery)).toMatchObject({
        status: 'dead-lettered',
        reason: expect.stringContaining('ended 2 times') as string,
      })
      expect(delivery.deeds).toMatchObject([['dead-letter', expect.any(String), {}], ['ack']])
    }
    expect(handler).not.toHaveBeenCalled()
    const replay = deliver('1', { replay: true, attempts: 7 })
    expect(await charge.settle(replay)).toMatchObject({ status: 'postponed', attempts: 0 })
    expect(replay.deeds).toMatchObject([['postpone', 100, { attempts: 0, replay: false }]])
    expect(await charge.settle(deliver('1'))).toMatchObject({ status: 'handled' })
  })

  test('that is abandoned frees its turn', async () => {
    const world = openWorld({ maxRunMs: 2_000 })
    await lapse(world, '1', 3)
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, world.options)
    const first = charge.settle(deliver('1'))
    await world.clock.advance(3_200)
    expect(await first).toMatchObject({ status: 'postponed' })
    const second = charge.settle(deliver('2'))
    await world.clock.settle()
    runs[1]?.end()
    expect(await second).toMatchObject({ status: 'handled' })
  })

  test('that waits for its turn is left at a stop', async () => {
    const world = openWorld()
    await lapse(world, '1')
    await lapse(world, '2')
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, world.options)
    const first = charge.settle(deliver('1'))
    await world.clock.settle()
    const delivery = deliver('2')
    const second = charge.settle(delivery)
    await world.clock.settle()
    delivery.takeAway()
    expect(await second).toMatchObject({ status: 'unsettled' })
    expect(await world.claim('2')).toMatchObject({ status: 'claimed', claim: { lapses: 1 } })
    runs[0]?.end()
    await first
  })
})

describe('a delivery that was taken away while its handler ran', () => {
  test('is recorded when the handler returns: whoever has it now finds it consumed', async () => {
    const { options, claim } = openWorld()
    const delivery = deliver('1', { takenAway: true })
    expect(await idempotent((order: Order) => order.id, options).settle(delivery)).toMatchObject({ status: 'handled' })
    expect(await claim('1')).toEqual({ status: 'duplicate' })
  })

  test('counts its failure, and is left to whoever has it now', async () => {
    const { options, claim, clock } = openWorld()
    expect(await idempotent(failing, options).settle(deliver('1', { takenAway: true }))).toMatchObject({ status: 'unsettled' })
    await clock.advance(100)
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 1 } })
  })

  test('is not set aside, nor its attempts forgotten', async () => {
    const { options, claim } = openWorld()
    const delivery = deliver('1', { takenAway: true, attempts: 2 })
    expect(await idempotent(failing, options).settle(delivery)).toMatchObject({ status: 'unsettled' })
    expect(delivery.deeds).toEqual([])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 3 } })
  })
})

describe('a stop', () => {
  test('leaves what waits for a place', async () => {
    const { options, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    const { session } = openSession(1)
    const first = charge.settle(deliver('1'), session)
    await clock.settle()
    const delivery = deliver('2')
    const second = charge.settle(delivery, session)
    await clock.settle()
    delivery.takeAway()
    expect(await second).toMatchObject({ status: 'unsettled' })
    expect(delivery.deeds).toEqual([])
    runs[0]?.end()
    expect(await first).toMatchObject({ status: 'handled' })
  })

  test('gives a claim back uncounted that came while stopping', async () => {
    const { options, claim, meddle } = openWorld()
    const delivery = deliver('1')
    meddle.claim = (go) => {
      delivery.takeAway()
      return go()
    }
    expect(await idempotent(failing, options).settle(delivery)).toMatchObject({ status: 'unsettled' })
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
  })

  test('at the end of the grace time aborts signals; who heeds it is released uncounted without a rest', async () => {
    const { options, clock, claim } = openWorld()
    const { handler, runs } = slowHandler()
    const { session, endGrace } = openSession()
    const delivery = deliver('1')
    const settled = idempotent(handler, options).settle(delivery, session)
    await clock.settle()
    runs[0]?.context.signal.addEventListener('abort', () => runs[0]?.fail())
    endGrace()
    expect(await settled).toMatchObject({ status: 'unsettled' })
    expect(delivery.deeds).toEqual([])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('hands back the claim of a handler that runs on with a rest as long as the lease, and no lapse; its work still counts', async () => {
    const { options, clock, claim } = openWorld()
    const { handler, runs } = slowHandler()
    const { session, endGrace } = openSession()
    const delivery = deliver('1')
    const settled = idempotent(handler, options).settle(delivery, session)
    await clock.settle()
    endGrace()
    await clock.advance(60)
    expect(await settled).toMatchObject({ status: 'unsettled' })
    const busy = await claim('1')
    expect(busy).toMatchObject({ status: 'busy' })
    expect(busy.status === 'busy' && busy.retryInMs).toBeGreaterThan(1_100)
    runs[0]?.end()
    await clock.settle()
    expect(await claim('1')).toEqual({ status: 'duplicate' })
    expect(delivery.deeds).toEqual([])
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('ends what is held because the store is away', async () => {
    const { options, clock, meddle } = openWorld()
    meddle.claim = away
    const delivery = deliver('1')
    const settled = idempotent(failing, options).settle(delivery)
    await clock.advance(1_000)
    delivery.takeAway()
    await clock.settle()
    expect(await settled).toMatchObject({ status: 'unsettled' })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('ends the publishing of a copy, and leaves the original', async () => {
    const { options, clock } = openWorld()
    const { session, endGrace } = openSession()
    const settled = idempotent(failing, options).settle(deliver('1', { postpone: away }), session)
    await clock.advance(1_000)
    endGrace()
    await clock.settle()
    expect(await settled).toMatchObject({ status: 'unsettled' })
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })
})

describe('hooks', () => {
  test('that throw or reject change nothing', async () => {
    const { options } = openWorld()
    const hooks = {
      onOutcome: (): never => failing(),
      onTrouble: (() => Promise.reject(new Error('hook'))) as unknown as () => void,
    }
    expect(await idempotent((order: Order) => order.id, { ...options, ...hooks }).settle(deliver('1'))).toMatchObject({ status: 'handled' })
  })
})
