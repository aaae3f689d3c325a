import { describe, expect, test } from 'vitest'
import { PublishRefusedError, openOutbox, sleep } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { manualClock, seededRandom } from 'hapax/testing'
import { memoryOutboxTable } from '../../../adapters/stores/memory/outbox.js'
import type { Clock, OutboxTable, Outgoing, Publisher, Random, Relay } from 'hapax'
import type { EffectsAtCommit } from 'hapax/stores/memory'

/** Everything that can go wrong between a relay, its table and its broker, by chance, from one seed. */
interface Weather {
  readonly clock: Clock
  readonly random: Random
  calm: boolean
}

/** A process that can die: from then on nothing is answered. It can stand still, too: its answers then come late, all at once. */
interface Process {
  dead: boolean
  stillUntilMs: number
}

const never = (): Promise<never> => new Promise(() => undefined)

/** Does a step as a server across a network does: late, not at all, or without the answer getting back. */
async function across<Value>({ clock, random, calm }: Weather, process: Process, step: () => Promise<Value>): Promise<Value> {
  if (process.dead) return never()
  const trouble = calm ? 1 : random.fraction()
  if (trouble < 0.05) throw new Error('refused')
  if (trouble < 0.1) await sleep(clock, random.fraction() * 2_000)
  const value = await step()
  if (trouble > 0.9 && trouble < 0.95) throw new Error('the answer was lost')
  if (trouble > 0.95 && !calm) await sleep(clock, random.fraction() * 2_000)
  while (process.stillUntilMs > clock.now()) await sleep(clock, process.stillUntilMs - clock.now())
  return process.dead ? never() : value
}

function remoteTable(table: OutboxTable<EffectsAtCommit>, weather: Weather, process: Process): OutboxTable<EffectsAtCommit> {
  const remote = { ...table }
  for (const name of ['takeLanes', 'keepLanes', 'giveLanes', 'read', 'sent', 'failed', 'setAside', 'sweep'] as const) {
    const step = table[name].bind(table) as (...given: unknown[]) => Promise<unknown>
    Object.assign(remote, { [name]: (...given: unknown[]) => across(weather, process, () => step(...given)) })
  }
  return remote
}

/** Keeps an order within a key, and stops a key where one of its messages did not get through. */
function remoteBroker(log: string[], refused: ReadonlySet<string>, weather: Weather, process: Process): Publisher {
  return {
    publish: (messages) =>
      across(weather, process, async () => {
        const stopped = new Set<string | undefined>()
        for (const message of messages) {
          const id = String(message.id)
          const { orderingKey } = message
          if (orderingKey !== undefined && stopped.has(orderingKey)) continue
          const dropped = !weather.calm && weather.random.fraction() < 0.02
          if (refused.has(id) || dropped) stopped.add(orderingKey ?? id)
          else log.push(id)
        }
        if (messages.some(({ id }) => refused.has(String(id)))) throw new PublishRefusedError('Too large')
        if (stopped.size > 0) throw new Error('Not all of them got through')
      }),
  }
}

async function storm(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const clock = manualClock()
  const weather: Weather = { clock, random, calm: false }
  const table = memoryOutboxTable({ clock })
  const store = memoryStore({ clock })
  const log: string[] = []
  const committed = new Map<string, string[]>()
  const refused = new Set<string>()
  const processes: { readonly process: Process; readonly relay: Relay }[] = []

  const startRelay = async (calm = false): Promise<void> => {
    const process: Process = { dead: false, stillUntilMs: 0 }
    const broker = remoteBroker(log, refused, weather, process)
    const relay = await openOutbox(remoteTable(table, weather, process), { random }).relay(broker, {
      pollMs: 100,
      leaseMs: 1_000,
      publishTimeoutMs: calm ? 5_000 : 800,
      batch: 1 + Math.floor(random.fraction() * 10),
      concurrency: 1 + Math.floor(random.fraction() * 2),
      retryDelaysMs: [100, 400],
      maxFailures: 4,
      graceMs: 500,
      keepSentMs: random.fraction() < 0.5 ? 0 : 1_000,
      runtime: { clock, random },
    })
    processes.push({ process, relay })
  }
  const send = async (number: number): Promise<void> => {
    const keys = ['a', 'b', 'c', 'd', 'e']
    const orderingKey = random.fraction() < 0.1 ? undefined : keys[Math.floor(random.fraction() * keys.length)]
    const count = 1 + Math.floor(random.fraction() * 4)
    const ids = Array.from({ length: count }, (_, index) => `${orderingKey ?? 'none'}-${number}-${index}`)
    const messages: Outgoing[] = ids.map((id) => ({ destination: 'orders', body: id, orderingKey, id }))
    const rollsBack = random.fraction() < 0.1
    const sending = store.transaction(async (tx) => {
      await openOutbox(table, { random }).send(tx, messages)
      if (rollsBack) throw new Error('rolled back')
    })
    await sending.catch(() => undefined)
    if (rollsBack) return
    const sent = committed.get(orderingKey ?? 'none') ?? []
    committed.set(orderingKey ?? 'none', [...sent, ...ids])
    if (random.fraction() < 0.03) refused.add(ids[0] ?? '')
  }

  await startRelay()
  await startRelay()
  for (let number = 0; number < 60; number += 1) {
    await send(number)
    await clock.advance(random.fraction() * 200)
    const struck = processes[Math.floor(random.fraction() * processes.length)]
    const fate = random.fraction()
    if (!struck) continue
    if (fate < 0.05) struck.process.dead = true
    else if (fate < 0.1) struck.process.stillUntilMs = clock.now() + random.fraction() * 3_000
    else if (fate < 0.13) void struck.relay.stop()
    if (fate < 0.13) await startRelay()
  }

  weather.calm = true
  await startRelay(true)
  for (let waited = 0; (await table.depth()).waiting > 0 && waited < 600; waited += 1) await clock.advance(100)
  expect((await table.depth()).waiting, 'all that waited got through, or was set aside').toBe(0)
  const aside = new Set((await openOutbox(table).listSetAside()).map(({ message }) => message.id))
  const seen = [...new Set(log)]
  for (const [key, ids] of committed) {
    const wanted = ids.filter((id) => !refused.has(id))
    const first = seen.filter((id) => id.startsWith(`${key}-`))
    expect(wanted.filter((id) => !first.includes(id) && !aside.has(id))).toEqual([])
    // What was set aside has left the order; only a message without a key never had one.
    if (key !== 'none') expect(first).toEqual(wanted.filter((id) => first.includes(id)))
  }
  const known = new Set([...committed.values()].flat())
  expect(log.filter((id) => !known.has(id))).toEqual([])
  for (const id of refused) expect(aside).toContain(id)
  for (const { relay } of processes) void relay.stop()
  await clock.advance(20_000)
}

describe('relays in a storm', () => {
  for (let seed = 1; seed <= 100; seed += 1) test(`lose nothing, and keep the order (seed ${seed})`, () => storm(seed))
})
