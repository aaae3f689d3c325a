import { describe, expect, test } from 'vitest'
import { openCoalescing } from 'hapax'
import { manualClock } from 'hapax/testing'
import type { Coalescing, CoalescingOptions } from 'hapax'
import type { ManualClock } from 'hapax/testing'

interface Flight {
  readonly calls: readonly string[]
  /** Answers each call with its own name in capitals. */
  readonly land: () => void
  readonly answer: (answers: readonly string[]) => void
  readonly fail: (error: unknown) => void
}

interface World extends Coalescing<string, string> {
  readonly clock: ManualClock
  readonly flights: Flight[]
  /** What became of each call, in the order in which they settled. */
  readonly settled: string[]
  call(...names: string[]): void
}

function open(options: Omit<CoalescingOptions<string, string>, 'send' | 'clock'> = {}): World {
  const clock = manualClock()
  const flights: Flight[] = []
  const settled: string[] = []
  const { ask } = openCoalescing<string, string>({
    ...options,
    clock,
    send: (calls) =>
      new Promise((resolve, reject) => {
        flights.push({ calls, land: () => resolve(calls.map((name) => name.toUpperCase())), answer: resolve, fail: reject })
      }),
  })
  return {
    clock,
    flights,
    settled,
    ask,
    call(...names) {
      for (const name of names) {
        ask(name).then(
          (answer) => settled.push(answer),
          (error: unknown) => settled.push(`${name}: ${String(error)}`),
        )
      }
    },
  }
}

const callsOf = ({ flights }: World): readonly string[] => flights.map(({ calls }) => calls.join(' '))

describe('calls of one turn', () => {
  test('are each told what the answer means to them, or fail by themselves where it means nothing', async () => {
    const { ask } = openCoalescing<string, string, number>({
      send: async (calls) => calls,
      read(answer, call) {
        if (!/^\d+$/.test(answer)) throw new Error(`${call} is no number`)
        return Number(answer)
      },
    })
    const settled = await Promise.allSettled(['1', 'two', '3'].map((call) => ask(call)))
    expect(settled).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: new Error('two is no number') },
      { status: 'fulfilled', value: 3 },
    ])
  })

  test('become one, and each gets its own answer', async () => {
    const world = open()
    world.call('a', 'b')
    // Promise reactions belong to the turn, too.
    await Promise.resolve()
    world.call('c')
    expect(world.flights).toHaveLength(0)
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a b c'])
    world.flights[0]?.land()
    await world.clock.settle()
    expect(world.settled).toEqual(['A', 'B', 'C'])
  })

  test('leave without a timer, also when one is alone', async () => {
    const world = open()
    world.call('a')
    expect(world.clock.pending()).toBe(0)
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a'])
  })

  test('are parted where they are too many', async () => {
    const world = open({ mostCalls: 2 })
    world.call('a', 'b', 'c')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a b', 'c'])
  })

  test('are shared out over the flights that may leave, where they are enough for that', async () => {
    const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`)
    const world = open({ fewestCalls: 8 })
    world.call(...names(21))
    await world.clock.settle()
    expect(world.flights.map(({ calls }) => calls.length)).toEqual([11, 10])
    // A flight alone takes all of them.
    world.flights[0]?.land()
    world.call(...names(21))
    await world.clock.settle()
    expect(world.flights.map(({ calls }) => calls.length)).toEqual([11, 10, 21])

    const few = open({ fewestCalls: 8 })
    few.call(...names(15))
    await few.clock.settle()
    expect(few.flights.map(({ calls }) => calls.length)).toEqual([15])
    const one = open({ fewestCalls: 8, mostFlights: 1 })
    one.call(...names(21))
    await one.clock.settle()
    expect(one.flights.map(({ calls }) => calls.length)).toEqual([21])
  })
})

describe('while flights are under way', () => {
  test('calls gather, and leave together as soon as one has landed', async () => {
    const world = open()
    world.call('a')
    await world.clock.settle()
    world.call('b')
    await world.clock.settle()
    world.call('c')
    await world.clock.settle()
    world.call('d')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a', 'b'])
    world.flights[1]?.land()
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a', 'b', 'c d'])
    expect(world.settled).toEqual(['B'])
  })

  test('what an answer leads to leaves together with those that waited', async () => {
    const world = open({ mostFlights: 1 })
    void world.ask('a').then(() => world.call('c'))
    await world.clock.settle()
    world.call('b')
    world.flights[0]?.land()
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a', 'b c'])
  })

  test('one that hangs keeps nobody waiting for long', async () => {
    const world = open({ mostFlights: 1 })
    world.call('a')
    await world.clock.settle()
    await world.clock.advance(499)
    world.call('b')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a'])
    await world.clock.advance(1)
    world.call('c')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a', 'b c'])
    // Its answer is believed all the same.
    world.flights[0]?.land()
    await world.clock.settle()
    expect(world.settled).toEqual(['A'])
    world.flights[1]?.land()
    world.call('d')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a', 'b c', 'd'])
  })
})

describe('calls of one key', () => {
  test('never travel together, and keep their order', async () => {
    const world = open({ keyOf: (name) => name.slice(0, 1), mostFlights: 1 })
    world.call('a1', 'b1', 'a2', 'b2', 'a3')
    await world.clock.settle()
    for (let flight = 0; flight < 3; flight += 1) {
      world.flights[flight]?.land()
      await world.clock.settle()
    }
    expect(callsOf(world)).toEqual(['a1 b1', 'a2 b2', 'a3'])
    expect(world.settled).toEqual(['A1', 'B1', 'A2', 'B2', 'A3'])
  })

  test('do not keep others from a flight that has room', async () => {
    const world = open({ keyOf: (name) => name.slice(0, 1), mostCalls: 2, mostFlights: 1 })
    world.call('a1', 'a2', 'b1', 'c1')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a1 b1'])
  })
})

describe('a flight that fails', () => {
  const refused = (message: string): Error => Object.assign(new Error(message), { code: '22021', detail: { of: 'b' } })

  test('fails each call with an error of its own', async () => {
    const world = open()
    const asked = [world.ask('a'), world.ask('b')]
    const errors = Promise.all(asked.map((each) => each.catch((error: unknown) => error as Error & { code?: string })))
    await world.clock.settle()
    const cause = refused('the connection is gone')
    world.flights[0]?.fail(cause)
    const [one, other] = await errors
    expect(one).not.toBe(other)
    for (const error of [one, other]) {
      expect(error).toMatchObject({ message: 'the connection is gone', code: '22021', detail: { of: 'b' } })
      expect((error as Error).cause).toBe(cause)
    }
  })

  test('hands the error itself to one that was alone', async () => {
    const world = open({ mayBeOfOne: () => true })
    const asked = world.ask('a')
    await world.clock.settle()
    const error = refused('no')
    world.flights[0]?.fail(error)
    await expect(asked).rejects.toBe(error)
  })

  test('that may be due to one call is sent again in halves, until that one fails by itself', async () => {
    const world = open({ mayBeOfOne: (error) => String(error).includes('row') })
    world.call('a', 'b', 'bad', 'd', 'e')
    await world.clock.settle()
    for (let flight = 0; flight < world.flights.length; flight += 1) {
      const { calls, fail, land } = world.flights[flight] as Flight
      if (calls.includes('bad')) fail(new Error('a row is bad'))
      else land()
      await world.clock.settle()
    }
    expect(callsOf(world)).toEqual(['a b bad d e', 'a b', 'bad d e', 'bad', 'd e'])
    expect(world.settled).toEqual(['A', 'B', 'bad: Error: a row is bad', 'D', 'E'])
  })

  test('is not sent again where it may have had an effect', async () => {
    const world = open({ mayBeOfOne: (error) => String(error).includes('row') })
    world.call('a', 'b')
    await world.clock.settle()
    world.flights[0]?.fail(new Error('the answer was lost'))
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a b'])
    expect(world.settled).toEqual(['a: Error: the answer was lost', 'b: Error: the answer was lost'])
  })

  test('with something that cannot be read fails all the same', async () => {
    const world = open()
    world.call('a', 'b')
    await world.clock.settle()
    const evil = Object.defineProperty({}, 'code', {
      enumerable: true,
      get() {
        throw new Error('not for you')
      },
    })
    world.flights[0]?.fail(evil)
    await world.clock.settle()
    expect(world.settled).toHaveLength(2)
    world.call('c')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a b', 'c'])
  })

  test('that nobody can tell about fails them all the same, and the next ones leave', async () => {
    const world = open({
      mostFlights: 1,
      mayBeOfOne() {
        throw new Error('what is this?')
      },
    })
    world.call('a', 'b')
    await world.clock.settle()
    world.flights[0]?.fail(new Error('gone'))
    await world.clock.settle()
    expect(world.settled).toEqual(['a: Error: gone', 'b: Error: gone'])
    world.call('c')
    await world.clock.settle()
    expect(callsOf(world)).toEqual(['a b', 'c'])
  })

  test('also when it answers fewer than were sent, or send throws', async () => {
    const world = open()
    world.call('a', 'b')
    await world.clock.settle()
    world.flights[0]?.answer(['A'])
    await world.clock.settle()
    expect(world.settled).toEqual([
      'a: Error: 2 calls were sent as one, and 1 were answered',
      'b: Error: 2 calls were sent as one, and 1 were answered',
    ])

    const throwing = openCoalescing<string, string>({
      send() {
        throw new Error('not even sent')
      },
    })
    await expect(throwing.ask('a')).rejects.toThrow('not even sent')
    await expect(throwing.ask('b')).rejects.toThrow('not even sent')
  })
})
