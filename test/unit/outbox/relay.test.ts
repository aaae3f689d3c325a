import { describe, expect, test } from 'vitest'
import { openOutbox, sleep } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { manualClock, seededRandom } from 'hapax/testing'
import { memoryOutboxTable } from '../../../adapters/stores/memory/outbox.js'
import type { ManualClock } from 'hapax/testing'
import type { OutboxTable, Outgoing, Publisher, RelayOptions, Trouble } from 'hapax'
import type { EffectsAtCommit } from 'hapax/stores/memory'

interface World {
  readonly clock: ManualClock
  readonly table: OutboxTable<EffectsAtCommit>
  readonly log: string[]
  readonly troubles: Trouble[]
  readonly publisher: Publisher
  readonly options: RelayOptions
  send(...ids: readonly string[]): Promise<void>
}

function openWorld(): World {
  const clock = manualClock()
  const table = memoryOutboxTable({ clock })
  const store = memoryStore({ clock })
  const log: string[] = []
  const troubles: Trouble[] = []
  return {
    clock,
    table,
    log,
    troubles,
    publisher: { publish: async (messages) => void log.push(...messages.map(({ id }) => String(id))) },
    options: {
      runtime: { clock, random: seededRandom(1) },
      leaseMs: 10_000,
      concurrency: 1,
      onTrouble: (trouble) => troubles.push(trouble),
    },
    send: (...ids) =>
      store.transaction((tx) =>
        openOutbox(table).send(
          tx,
          ids.map((id): Outgoing => ({ destination: 'orders', body: id, orderingKey: 'a', id })),
        ),
      ),
  }
}

function recorder(meanwhile: (call: number) => Promise<void> = () => Promise.resolve()): Publisher & { readonly ids: string[] } {
  const ids: string[] = []
  let calls = 0
  return {
    ids,
    async publish(messages) {
      calls += 1
      await meanwhile(calls)
      ids.push(...messages.map(({ id }) => String(id)))
    },
  }
}

describe('a relay', () => {
  test('that stood still after it had read publishes nothing that others have taken meanwhile', async () => {
    const { clock, table, log, publisher, options, send } = openWorld()
    const own = manualClock()
    await send('1', '2')
    let reads = 0
    const slow = {
      ...table,
      async read(lanes: readonly number[], most: number) {
        const read = await table.read(lanes, most)
        reads += 1
        // As for a process that was stopped: time has gone on for all, and no timer of its own has fired.
        own.stall(11_000)
        if (reads === 1) await clock.advance(11_000)
        return read
      },
    }
    const others = recorder()
    const stalled = await openOutbox(slow).relay(publisher, { ...options, runtime: { clock: own, random: seededRandom(2) } })
    await clock.settle()
    const other = await openOutbox(table).relay(others, options)
    await clock.advance(20_000)
    await own.advance(2_000)
    expect(log).toEqual([])
    expect(others.ids).toEqual(['1', '2'])
    for (const relay of [stalled, other]) void relay.stop()
    await clock.advance(20_000)
    await own.advance(20_000)
    expect(clock.pending() + own.pending()).toBe(0)
  })

  test('that stood still while it published one by one goes on with nothing that others have taken meanwhile', async () => {
    const { clock, table, options, send } = openWorld()
    const own = manualClock()
    await send('1', '2', '3')
    const publisher = recorder(async (call) => {
      if (call === 1) throw new Error('unknown')
      if (call > 2) return
      own.stall(11_000)
      await clock.advance(11_000)
    })
    const stalled = await openOutbox(table).relay(publisher, { ...options, runtime: { clock: own, random: seededRandom(2) } })
    await clock.settle()
    const others = recorder()
    const other = await openOutbox(table).relay(others, options)
    await clock.advance(20_000)
    await own.advance(2_000)
    expect(others.ids).toEqual(['1', '2', '3'])
    expect(publisher.ids).toEqual(['1'])
    for (const relay of [stalled, other]) void relay.stop()
    await clock.advance(20_000)
    await own.advance(20_000)
    expect(clock.pending() + own.pending()).toBe(0)
  })

  test('gives back lanes that it was given too late', async () => {
    const { clock, table, log, publisher, options, send } = openWorld()
    await send('1')
    const late = {
      ...table,
      takeLanes: async (given: Parameters<typeof table.takeLanes>[0]) => {
        const lanes = await table.takeLanes(given)
        await sleep(clock, 4_000)
        return lanes
      },
    }
    const stopped = await openOutbox(late).relay(publisher, { ...options, storeTimeoutMs: 1_000 })
    await clock.advance(500)
    const stopping = stopped.stop()
    await clock.advance(1_000)
    await stopping
    await clock.advance(3_000)
    const next = await openOutbox(table).relay(publisher, options)
    await clock.advance(1_000)
    expect(log).toEqual(['1'])
    void next.stop()
    await clock.advance(20_000)
  })

  test('tells once when the database goes and once when it is back, and records what it has published', async () => {
    const { clock, table, log, troubles, publisher, options, send } = openWorld()
    let away = false
    const flaky = { ...table }
    for (const name of ['takeLanes', 'read', 'sent', 'giveLanes'] as const) {
      const step = table[name].bind(table) as (...given: unknown[]) => Promise<unknown>
      Object.assign(flaky, { [name]: (...given: unknown[]) => (away ? Promise.reject(new Error('gone')) : step(...given)) })
    }
    const relay = await openOutbox(flaky).relay(
      {
        publish: async (messages) => {
          await publisher.publish(messages)
          away = true
        },
      },
      options,
    )
    await send('1')
    await clock.advance(3_000)
    expect(relay.status).toBe('held')
    expect(log).toEqual(['1'])
    away = false
    await clock.advance(3_000)
    expect(relay.status).toBe('running')
    expect(log).toEqual(['1'])
    expect((await table.depth()).waiting).toBe(0)
    expect(troubles.map(({ kind, what }) => [kind, what])).toEqual([
      ['store-away', 'store'],
      ['recovered', 'store'],
    ])
    void relay.stop()
    await clock.advance(20_000)
  })

  test('sets aside what it cannot read, and goes on', async () => {
    const { clock, table, log, publisher, options, send } = openWorld()
    const store = memoryStore({ clock })
    await store.transaction((tx) => table.add(tx, [{ lane: 3, key: undefined, head: 'no JSON', body: new Uint8Array() }]))
    await send('1')
    const relay = await openOutbox(table).relay(publisher, { ...options, maxFailures: 2, retryDelaysMs: [100] })
    await clock.advance(5_000)
    expect(log).toEqual(['1'])
    expect(await table.depth()).toEqual({ waiting: 0, failing: 0, setAside: 1, oldestMs: 0 })
    expect((await openOutbox(table).listSetAside())[0]).toMatchObject({ failures: 2, message: { destination: '' } })
    void relay.stop()
    await clock.advance(20_000)
  })
})
