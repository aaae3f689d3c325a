import { describe, expect, test, vi } from 'vitest'
import { idempotent } from 'hapax'
import { away, openWorld, slowHandler } from './harness.js'
import type { Order } from './harness.js'

describe('once', () => {
  test('handles a key once and answers with the value', async () => {
    const { options, clock } = openWorld()
    const handler = vi.fn((order: Order) => `charged ${order.id}`)
    const charge = idempotent(handler, options)
    expect(await charge.once({ id: '1' })).toEqual({ status: 'handled', value: 'charged 1' })
    expect(await charge.once({ id: '1' })).toEqual({ status: 'duplicate' })
    expect(handler).toHaveBeenCalledTimes(1)
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('tells a concurrent caller that the key is busy, and for how long', async () => {
    const { options, clock } = openWorld()
    const { handler, runs } = slowHandler()
    const charge = idempotent(handler, options)
    const first = charge.once({ id: '1' })
    await clock.settle()
    expect(await charge.once({ id: '1' })).toEqual({ status: 'busy', retryInMs: 1_200 })
    runs[0]?.end('first')
    expect(await first).toEqual({ status: 'handled', value: 'first' })
  })

  test('throws what the handler throws, its claim released without a rest and its attempt counted', async () => {
    const { options, claim } = openWorld()
    const error = new Error('no money')
    const attempts: number[] = []
    const charge = idempotent((_: Order, context) => {
      attempts.push(context.attempt)
      throw error
    }, options)
    for (let time = 0; time < 7; time += 1) await expect(charge.once({ id: '1' })).rejects.toBe(error)
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 7 } })
  })

  test('throws store-away when nothing can be claimed, and runs nothing', async () => {
    const { options, clock, meddle } = openWorld()
    meddle.claim = away
    const handler = vi.fn((order: Order) => order.id)
    const thrown = idempotent(handler, options).once({ id: '1' })
    const expected = expect(thrown).rejects.toMatchObject({ code: 'store-away', cause: { message: 'connection refused' } })
    await clock.advance(5_000)
    await expected
    expect(handler).not.toHaveBeenCalled()
    await clock.settle()
    expect(clock.pending()).toBe(0)
  })

  test('answers unrecorded, with the value, when the work could not be recorded', async () => {
    const { options, clock, meddle } = openWorld({ recordTimeoutMs: 500 })
    meddle.complete = away
    const result = idempotent((order: Order) => order.id, options).once({ id: '1' })
    await clock.advance(1_000)
    expect(await result).toEqual({ status: 'unrecorded', value: '1' })
  })

  test('answers lease-lost, with the value, when a newer claim exists', async () => {
    const { options, clock, meddle, takeOver } = openWorld()
    const { handler, runs } = slowHandler()
    meddle.renew = away
    const result = idempotent(handler, options).once({ id: '1' })
    await clock.advance(1_201)
    await takeOver('1')
    runs[0]?.end('late')
    expect(await result).toEqual({ status: 'lease-lost', value: 'late' })
  })

  test('throws a KeyError when there is no key', async () => {
    const { options } = openWorld()
    await expect(idempotent((order: Order) => order.id, options).once({ id: '' })).rejects.toMatchObject({ code: 'key' })
  })

  test('throws the reason of a signal that is aborted already, and claims nothing', async () => {
    const { options, store } = openWorld()
    const reason = new Error('client went away')
    const charge = idempotent((order: Order) => order.id, options)
    await expect(charge.once({ id: '1' }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(store.size).toBe(0)
  })

  test("aborts the handler's signal with the caller's; a throw then is no attempt", async () => {
    const { options, clock, claim } = openWorld()
    const { handler, runs } = slowHandler()
    const caller = new AbortController()
    const thrown = idempotent(handler, options).once({ id: '1' }, { signal: caller.signal })
    await clock.settle()
    const reason = new Error('client went away')
    caller.abort(reason)
    expect(runs[0]?.context.signal.reason).toBe(reason)
    runs[0]?.fail(reason)
    await expect(thrown).rejects.toBe(reason)
    expect(await claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 0, lapses: 0 } })
  })

  test('may be called in a handler: its fault is then an error of that handler', async () => {
    const inner = openWorld()
    inner.meddle.claim = away
    const charge = idempotent((order: Order) => order.id, { ...inner.options, scope: 'inner' })
    const outer = openWorld()
    const result = idempotent(async (order: Order) => (await charge.once(order)).status, outer.options).once({ id: '1' })
    const expected = expect(result).rejects.toMatchObject({ code: 'store-away' })
    await outer.clock.settle()
    await inner.clock.advance(5_000)
    await expected
    expect(await outer.claim('1')).toMatchObject({ status: 'claimed', claim: { attempts: 1 } })
  })
})
