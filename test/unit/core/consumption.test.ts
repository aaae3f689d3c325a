import { describe, expect, test } from 'vitest'
import { idempotent, openConsumption, sleep } from 'hapax'
import { deliver, openWorld, slowHandler } from './harness.js'
import type { ConsumeOptions, Consumption, Settle } from 'hapax'
import type { Order, TestDelivery, World } from './harness.js'

interface Opened {
  readonly consumption: Consumption
  readonly settle: Settle<Order>
  readonly fail: (error: unknown) => void
  readonly hold: () => () => void
  readonly hasRoom: (wake: () => void) => boolean
  readonly log: string[]
  /** How many waited aside, as it was told. */
  readonly asides: number[]
  /** What intake has handed over: a stop aborts their signals. */
  readonly taken: TestDelivery[]
}

async function open(world: World, handler: (order: Order) => unknown, options: ConsumeOptions = {}, concurrency = 2): Promise<Opened> {
  const log: string[] = []
  const asides: number[] = []
  const taken: TestDelivery[] = []
  let parts: Pick<Opened, 'settle' | 'fail' | 'hold' | 'hasRoom'> | undefined
  const consumption = await openConsumption(idempotent(handler, world.options), options, {
    clock: world.clock,
    concurrency,
    open({ settle, fail, hold, hasRoom, watchAside }) {
      watchAside((count) => asides.push(count))
      parts = {
        settle: (delivery) => {
          taken.push(delivery as TestDelivery)
          return settle(delivery)
        },
        fail,
        hold,
        hasRoom,
      }
      return Promise.resolve({
        stop() {
          log.push('stop')
          for (const delivery of taken) delivery.takeAway()
        },
        close: () => void log.push('close'),
      })
    },
  })
  if (!parts) throw new Error('was not opened')
  return { consumption, log, asides, taken, ...parts }
}

describe('a consumption', () => {
  test('tells a transport how many deliveries wait aside', async () => {
    const world = openWorld()
    const { handler, runs } = slowHandler()
    const { settle, consumption, asides } = await open(world, handler as (order: Order) => unknown)
    const settled = ['1', '1', '2', '3', '1'].map((id) => settle(deliver(id)))
    await world.clock.settle()
    // Two wait for their twin; the one that waits for a place does not count.
    expect(runs).toHaveLength(2)
    expect(asides).toEqual([1, 2])
    for (const run of runs) run.end()
    await world.clock.settle()
    runs[2]?.end()
    await Promise.all(settled)
    expect(asides).toEqual([1, 2, 1, 0])
    await consumption.stop()
  })

  describe('tells a transport whether there is room for another delivery', () => {
    const opened = async () => {
      const world = openWorld()
      const { handler, runs } = slowHandler()
      const { settle, hasRoom, consumption } = await open(world, handler as (order: Order) => unknown)
      const woken: string[] = []
      const room = (name = 'room'): boolean => hasRoom(() => woken.push(name))
      const end = async (): Promise<void> => {
        for (let ended = 0; ended < runs.length; ended += 1) {
          runs[ended]?.end()
          await world.clock.settle()
        }
        await consumption.stop()
      }
      return { world, runs, settle, hasRoom, room, woken, end }
    }

    test('while a handler could run it, and wakes whoever asked first as soon as one could', async () => {
      const { world, runs, settle, room, woken, end } = await opened()
      expect(room()).toBe(true)
      for (const id of ['1', '2']) void settle(deliver(id))
      expect([room('first'), room('second')]).toEqual([false, false])
      await world.clock.settle()
      expect(woken).toEqual([])
      runs[0]?.end()
      await world.clock.settle()
      // Nobody has made use of it: the next one is asked, too.
      expect(woken).toEqual(['first', 'second'])
      expect(room()).toBe(true)
      await end()
      expect(woken).toEqual(['first', 'second'])
    })

    test('and wakes no more than can run', async () => {
      const { world, runs, settle, hasRoom, woken, end } = await opened()
      for (const id of ['1', '2']) void settle(deliver(id))
      await world.clock.settle()
      for (const id of ['3', '4', '5']) {
        const wake = (): void => {
          woken.push(id)
          void settle(deliver(id))
        }
        expect(hasRoom(wake)).toBe(false)
      }
      runs[0]?.end()
      await world.clock.settle()
      expect([woken, runs.length]).toEqual([['3'], 3])
      await end()
    })

    test('however many wait for their twin', async () => {
      const { world, settle, room, end } = await opened()
      for (const id of ['1', '1', '1', '1', '1', '1']) void settle(deliver(id))
      await world.clock.settle()
      expect(room()).toBe(true)
      void settle(deliver('2'))
      expect(room()).toBe(false)
      await end()
    })

    test('however long they decode, but no more than twice as many as there are handlers', async () => {
      const { world, settle, room, woken, end } = await opened()
      const decoded: (() => void)[] = []
      const decode = (): Promise<Order> => new Promise((resolve) => decoded.push(() => resolve({ id: 'unique' })))
      for (let taken = 0; taken < 3; taken += 1) void settle(deliver('slow', { decode }))
      expect(room()).toBe(true)
      void settle(deliver('slow', { decode }))
      expect(room()).toBe(false)
      // It runs, and its twins wait for it aside.
      for (const end of decoded) end()
      await world.clock.settle()
      expect(woken).toEqual(['room'])
      await end()
    })

    test('while copies are on their way to be confirmed, but no more than twice as many as there are handlers', async () => {
      const { world, settle, room, woken, end } = await opened()
      const confirmed: (() => void)[] = []
      const postpone = (): Promise<void> => new Promise((resolve) => confirmed.push(resolve))
      for (const id of ['1', '2', '3', '4']) await world.takeOver(id)
      for (const id of ['1', '2', '3']) void settle(deliver(id, { postpone }))
      await world.clock.settle()
      expect([confirmed.length, room()]).toEqual([3, true])
      void settle(deliver('4', { postpone }))
      await world.clock.settle()
      expect(room()).toBe(false)
      confirmed[0]?.()
      await world.clock.settle()
      expect(woken).toEqual(['room'])
      for (const confirm of confirmed) confirm()
      await end()
    })
  })

  test('bounds how many handlers run at once', async () => {
    const world = openWorld()
    const { handler, runs } = slowHandler()
    const { settle, consumption } = await open(world, handler as (order: Order) => unknown)
    for (const id of ['1', '2', '3']) void settle(deliver(id))
    await world.clock.settle()
    expect(runs).toHaveLength(2)
    runs[0]?.end()
    await world.clock.settle()
    expect(runs).toHaveLength(3)
    runs[1]?.end()
    runs[2]?.end()
    await world.clock.settle()
    await consumption.stop()
    await world.clock.settle()
    expect(world.clock.pending()).toBe(0)
  })

  test('stops: intake first, then what runs, then closes', async () => {
    const world = openWorld()
    const { handler, runs } = slowHandler()
    const { settle, consumption, log } = await open(world, handler as (order: Order) => unknown)
    const settled = settle(deliver('1'))
    await world.clock.settle()
    const stopped = consumption.stop()
    await world.clock.advance(5_000)
    expect(log).toEqual(['stop'])
    expect(consumption.status).toBe('stopping')
    runs[0]?.end()
    expect(await settled).toMatchObject({ status: 'handled' })
    await stopped
    expect(log).toEqual(['stop', 'close'])
    expect(consumption.status).toBe('stopped')
    await consumption.done
    await consumption.stop()
    await world.clock.settle()
    expect(world.clock.pending()).toBe(0)
  })

  test('stops within the grace time whatever the handler does, and hands its claim back', async () => {
    const world = openWorld()
    const { handler } = slowHandler()
    const { settle, consumption, log } = await open(world, handler as (order: Order) => unknown, { graceMs: 1_000 })
    const settled = settle(deliver('1'))
    await world.clock.settle()
    void consumption.stop()
    await world.clock.advance(1_100)
    expect(await settled).toMatchObject({ status: 'unsettled' })
    expect(log).toEqual(['stop', 'close'])
    await world.clock.settle()
    expect(world.clock.pending()).toBe(0)
  })

  test('stops when its signal aborts, also one that was aborted before', async () => {
    const world = openWorld()
    const stop = new AbortController()
    const { consumption } = await open(world, () => undefined, { signal: stop.signal })
    stop.abort()
    await consumption.done
    expect(consumption.status).toBe('stopped')
    const late = await open(world, () => undefined, { signal: stop.signal })
    expect(late.consumption.status).toBe('stopped')
  })

  test('that cannot go on stops, and rejects done with the reason', async () => {
    const world = openWorld()
    const { consumption, fail, log } = await open(world, () => undefined)
    fail(new Error('topic was deleted'))
    await expect(consumption.done).rejects.toThrow('topic was deleted')
    expect(log).toEqual(['stop', 'close'])
    await consumption.stop()
  })

  test('is held while anything is held up', async () => {
    const world = openWorld()
    const { consumption, hold } = await open(world, () => undefined)
    const first = hold()
    const second = hold()
    first()
    first()
    expect(consumption.status).toBe('held')
    second()
    expect(consumption.status).toBe('running')
  })

  test('is held while the store is away', async () => {
    const world = openWorld()
    const { consumption, settle } = await open(world, () => undefined)
    world.meddle.complete = () => Promise.reject(new Error('connection refused'))
    void settle(deliver('1'))
    await world.clock.advance(300)
    expect(consumption.status).toBe('held')
    delete world.meddle.complete
    await world.clock.advance(1_000)
    expect(consumption.status).toBe('running')
  })

  test('refuses a store that cannot hold its promises', async () => {
    const world = openWorld()
    world.meddle.check = () => Promise.reject(new Error('the table is missing'))
    await expect(open(world, () => undefined)).rejects.toThrow('the table is missing')
  })

  test.each([
    ['graceMs', { graceMs: -1 }, 2],
    ['concurrency', {}, 0],
  ])('refuses a %s that is none', async (option, options, concurrency) => {
    await expect(open(openWorld(), () => undefined, options, concurrency)).rejects.toMatchObject({ code: 'configuration', option })
  })

  test('can be disposed of', async () => {
    const world = openWorld()
    const { consumption } = await open(world, () => sleep(world.clock, 10))
    await consumption[Symbol.asyncDispose]()
    expect(consumption.status).toBe('stopped')
  })
})
