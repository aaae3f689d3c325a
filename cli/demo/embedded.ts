import { openRuntime } from '../../src/index.js'
import { memoryStore } from '../../adapters/stores/memory.js'
import { memoryBroker, memoryTransport } from '../../adapters/transports/memory.js'
import { manualClock } from '../../testing/manual-clock.js'
import { concurrency, makeHandler, moveInLedger, readPayment } from './handlers.js'
import { leaseKeeping } from './keeping.js'
import { seededFraction } from './payments.js'
import type { Clock, Consumption, Random } from '../../src/index.js'
import type { Entry } from './ledger.js'
import type { Payment, Scenario } from './payments.js'
import type { Played, Stage } from './stage.js'
import type { Way } from './handlers.js'

const topic = 'payments'
const groupId = 'demo'
const workers = ['worker-1', 'worker-2', 'worker-3']
const killed = 'worker-2'
const stepMs = 50

/**
 * Plays the scenario inside this process, on a clock of its own that is moved by hand: the same seed is the same history, to the
 * millisecond, and `pace` only says how fast one may watch.
 */
export async function playEmbedded(
  way: Way,
  scenario: Scenario,
  seed: number,
  { write, entries, happening, pace }: Stage,
): Promise<Played> {
  const clock = manualClock()
  const random = seededRandom(seed)
  const broker = memoryBroker({ clock, random, faults: { loseAck: 0.03, deliveryDelayMs: 10 } })
  const store = memoryStore({ clock })
  const consumptions = new Map<string, { readonly consumption: Consumption; die(): void }>()
  for (const name of workers) {
    const life = mortal(clock)
    const transport = memoryTransport(broker, { topic, groupId, concurrency, decode: (incoming) => readPayment(incoming.json()) })
    const writeAlive = (entry: Entry): void => {
      if (life.alive()) write(entry)
    }
    const handler = makeHandler(way, {
      name,
      keeping: leaseKeeping(store, moveInLedger(name, writeAlive)),
      runtime: openRuntime({ clock: life.clock, random }),
      write: writeAlive,
    })
    consumptions.set(name, { consumption: await transport.consume(handler), die: () => life.die() })
  }

  const toSend = [...scenario.sendings]
  for (let nowMs = 0; ; nowMs += stepMs) {
    while (toSend[0] && toSend[0].atMs <= nowMs) {
      const { payment, keyed } = toSend.shift() as { payment: Payment; keyed: boolean }
      await broker.publish([{ destination: topic, body: JSON.stringify(payment), orderingKey: keyed ? payment.id : undefined }])
    }
    const victim = consumptions.get(killed)
    if (victim && nowMs >= scenario.killAtMs) {
      consumptions.delete(killed)
      victim.die()
      broker.crash(victim.consumption)
      happening(`${killed} dies in the middle of its work`)
    }
    await clock.advance(stepMs)
    const { waiting, unsettled, delayed } = broker.depth({ topic, groupId })
    await pace(stepMs)
    if (toSend.length === 0 && waiting + unsettled + delayed === 0) break
  }
  await Promise.all([...consumptions.values()].map(({ consumption }) => consumption.stop()))
  const deadLetters = broker.deadLetters({ topic, groupId }).map((letter) => letter.key ?? readPayment(letter.json()).id)
  return { entries: entries(), deadLetters, killed, inbox: false }
}

/** A clock that stops for good when its process dies: nothing that waits for it ever goes on. */
function mortal(clock: Clock): { readonly clock: Clock; alive(): boolean; die(): void } {
  let alive = true
  return {
    clock: {
      ...clock,
      schedule: (ms, wake) =>
        clock.schedule(ms, () => {
          if (alive) wake()
        }),
    },
    alive: () => alive,
    die() {
      alive = false
    },
  }
}

function seededRandom(seed: number): Random {
  const fraction = seededFraction(seed ^ 0x5eed)
  let nonces = 0
  return {
    fraction,
    nonce: () => {
      nonces += 1
      return `nonce-${nonces}`
    },
  }
}
