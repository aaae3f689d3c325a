import assert from 'node:assert/strict'
import { idempotent, sleep } from '../../src/index.js'
import { ackAll } from '../transports/scripted-handler.js'
import { openMortal } from './mortal.js'
import type { Consumption, Context, Outcome, Random, Store } from '../../src/index.js'
import type { Stage, TransportBench } from '../transports/stage.js'
import type { Mortal } from './mortal.js'

/** A store and a transport together; the rest is as for the transport alone. */
export interface PipelineBench extends TransportBench {
  /** The store under test, as one process sees it; the same records for all. Closed by `close`. */
  store(): Store
}

export interface LineOptions {
  readonly leaseMs: number
  /** Chance for pauses and failures. */
  readonly random: Random
}

/** An effect, as a database that only ever adds would have it. */
export interface Effect {
  readonly key: string
  readonly worker: string
  readonly attempt: number
  readonly token: number
  /** When its run began, by the suite's clock. */
  readonly atMs: number
}

/** A run of the handler. */
export interface Run extends Pick<Context, 'key' | 'attempt' | 'token' | 'signal'> {
  /** The message, `<key>#<number>`. */
  readonly text: string
  effect(): void
  /** Waits, as a process that may stall or die. */
  pause(ms: number): Promise<void>
  reach<Value>(promise: Promise<Value>): Promise<Value>
}

export interface WorkOptions {
  readonly groupId?: string
  readonly scope?: string
  readonly concurrency?: number
  readonly maxAttempts?: number
  readonly maxLapses?: number
  readonly graceMs?: number
  /** @default takes effect at once */
  readonly handle?: (run: Run) => Promise<void> | void
}

/** A process that consumes. */
export interface Worker extends Pick<Mortal, 'stall' | 'resume'> {
  readonly name: string
  readonly consumption: Consumption
  /** What became of each message here, by its text. */
  readonly settled: ReadonlyMap<string, readonly Outcome[]>
  /** Keys whose handler has begun here, and whose delivery is not settled yet. */
  inHand(): readonly string[]
  /** How many keys it has claimed, or is claiming. */
  claims(): number
  /** Dies now; its deliveries come again once the broker notices. */
  crash(): Promise<void>
}

/** Everything that one case does with store and transport. */
export interface Line {
  readonly effects: readonly Effect[]
  readonly runs: readonly Effect[]
  work(name: string, options?: WorkOptions): Promise<Worker>
  /** Publishes one message for each key, in this order, all with ordering keys of their own unless `orderingKey` says one. */
  publish(keys: readonly string[], orderingKey?: string): Promise<void>
  /** Publishes until each of them has had something to do: after that, all take part. */
  warmUp(...workers: readonly Worker[]): Promise<void>
  outcomes(key: string): readonly Outcome[]
  effectsOf(key: string): readonly Effect[]
  /** Waits until every message that was published has come to its end, but those of this key. */
  untilSettled(options?: { readonly but?: string }): Promise<void>
  /** Stops all, and sees that nothing is left in the group. */
  assertNothingLeft(): Promise<void>
}

const takeEffect = (run: Run): void => run.effect()

const ends: ReadonlySet<Outcome['status']> = new Set(['handled', 'duplicate', 'dead-lettered', 'lease-lost', 'unrecorded'])

/** The key of messages that cannot be decoded. */
export const unreadableKey = 'unreadable'

export function openLine(
  { bench, clock, consume, stop, drive, until, handler, shortMs, longMs, passTime, quietMs }: Stage<PipelineBench>,
  options: LineOptions,
): Line {
  const { leaseMs, random } = options
  const effects: Effect[] = []
  const runs: Effect[] = []
  const published: string[] = []
  const workers: Worker[] = []
  /** Messages that were taken for duplicates before their key had taken effect. */
  const swallowed: string[] = []
  /** When a delivery ended last. */
  let lastEndAtMs = clock.now()
  const all = (text: string): readonly Outcome[] => workers.flatMap(({ settled }) => settled.get(text) ?? [])

  const publish: Line['publish'] = async (keys, orderingKey) => {
    const texts = keys.map((key, index) => `${key}#${published.length + index}`)
    published.push(...texts)
    await drive(bench.publish(texts.map((body) => ({ body, orderingKey: orderingKey ?? body }))))
  }

  return {
    effects,
    runs,
    publish,
    async work(
      name,
      { groupId = 'one', scope = 'suite', concurrency = 6, maxAttempts = 4, maxLapses = 5, graceMs = 100, handle = takeEffect } = {},
    ) {
      const mortal = openMortal(clock, random)
      const settled = new Map<string, Outcome[]>()
      /** By text: another message of the same key may end here meanwhile. */
      const hands = new Map<string, string>()
      const wrapped = idempotent(
        async (text: string, { key, attempt, token, signal }: Context) => {
          const done = { key, worker: name, attempt, token, atMs: clock.now() }
          runs.push(done)
          hands.set(text, key)
          const { reach } = mortal
          const pause = (ms: number): Promise<void> => sleep(mortal.runtime.clock, ms)
          await handle({ text, key, attempt, token, signal, reach, pause, effect: () => void effects.push(done) })
        },
        {
          store: mortal.store(bench.store()),
          scope,
          key: keyOf,
          leaseMs,
          maxAttempts,
          maxLapses,
          retryDelaysMs: [shortMs],
          windowMs: 3_600_000,
          runtime: mortal.runtime,
        },
      )
      const alive = mortal.handler(wrapped)
      const watched: typeof alive = {
        ...alive,
        async settle(delivery, session) {
          const outcome = await alive.settle(delivery, session)
          const text = delivery.incoming.text()
          settled.set(text, [...(settled.get(text) ?? []), outcome])
          lastEndAtMs = clock.now()
          hands.delete(text)
          if (outcome.status === 'duplicate' && !effects.some(({ key }) => key === outcome.key)) swallowed.push(text)
          return outcome
        },
      }
      const decode = (incoming: { text(): string }): string => {
        if (keyOf(incoming.text()) === unreadableKey) throw new SyntaxError('no order')
        return incoming.text()
      }
      const consumption = await consume(watched, { groupId, concurrency, graceMs, decode })
      const worker: Worker = {
        name,
        consumption,
        settled,
        inHand: () => [...new Set(hands.values())],
        claims: mortal.claims,
        stall: mortal.stall,
        resume: mortal.resume,
        crash() {
          mortal.crash()
          return stop(consumption)
        },
      }
      workers.push(worker)
      return worker
    },
    async warmUp(...warmed) {
      let round = 0
      await until('all workers take part', async () => {
        if (warmed.every(({ settled }) => settled.size > 0)) return true
        await publish(Array.from({ length: 12 }, (_, index) => `warm-${(round += 1)}-${index}`))
        await passTime(shortMs)
        return false
      })
    },
    outcomes: (key) => published.filter((text) => keyOf(text) === key).flatMap(all),
    effectsOf: (key) => effects.filter((effect) => effect.key === key),
    async untilSettled({ but } = {}) {
      const hasEnded = (text: string): boolean => keyOf(text) === but || all(text).some(({ status }) => ends.has(status))
      let ended = 0
      await until('every message has come to its end', () => {
        while (ended < published.length && hasEnded(published[ended] ?? '')) ended += 1
        return ended === published.length
      })
    },
    async assertNothingLeft() {
      assert.deepEqual(swallowed, [], 'duplicates of what had not taken effect')
      // A process that died or stalled may have left a copy beside its original: each of the two comes to an end of its own.
      while (clock.now() - lastEndAtMs <= longMs * 2) await passTime(quietMs)
      for (const { consumption } of workers) await stop(consumption)
      const last = handler(ackAll)
      await consume(last)
      const markers = Array.from({ length: 12 }, (_, index) => `last-${index}`)
      await bench.publish(markers.map((body) => ({ body, orderingKey: body })))
      await until('the last messages have come', () => markers.every((marker) => last.texts.includes(marker)))
      await passTime(quietMs)
      assert.deepEqual(
        last.texts.filter((text) => !markers.includes(text)),
        [],
        'everything was settled',
      )
    },
  }
}

export function keyOf(text: string): string {
  return text.slice(0, text.lastIndexOf('#'))
}
