import assert from 'node:assert/strict'
import { isMark } from '../../src/index.js'
import { openPatience } from '../patience.js'
import { ackAll, scriptedHandler } from './scripted-handler.js'
import type { Clock, Consumption, Idempotent, Incoming, MessageHeaders, Outgoing, Transport } from '../../src/index.js'
import type { Cannot, SuiteCase } from '../suite.js'
import type { Script, ScriptedHandler } from './scripted-handler.js'

/** A dead letter as it was stored. */
export interface StoredDeadLetter {
  readonly bytes: Uint8Array
  /** All of them, ours included. */
  readonly headers: MessageHeaders
  readonly orderingKey: string | undefined
}

/** One topic (queue, stream) of the broker under test that nobody used before, and all its groups. */
export interface TransportBench {
  /** A transport that consumes the topic from its oldest message on. A group's name is the suite's: make it the bench's own where groups outlive topics. */
  transport(options: {
    readonly groupId: string
    readonly concurrency: number
    readonly decode: (incoming: Incoming) => string | Promise<string>
  }): Transport<string>
  /** Publishes to the topic, by whatever means; resolves once that is confirmed. */
  publish(messages: readonly Omit<Outgoing, 'destination'>[]): Promise<void>
  /** All dead letters of the group. */
  deadLetters(groupId: string): Promise<readonly StoredDeadLetter[]>
  /** Deletes and closes what was made. Every consumption was stopped. */
  close(): Promise<void>
}

/** What the suites have to know of a broker. */
export interface BenchOptions<Bench extends TransportBench> {
  /** Called once by each case. Where a topic has partitions, give it at least three. */
  open(): Promise<Bench>
  /**
   * Two delays that `postpone` can give exactly, in milliseconds, the shorter one first; for a transport with delay steps, make them its
   * steps. The second one is at least three times the first. @default [200, 1_000]
   */
  readonly delaysMs?: readonly [number, number] | undefined
  /** What the suite measures time by: the machine's, or the manual one that the transport was given. @default systemClock */
  readonly clock?: Clock | undefined
  /** Lets that many milliseconds pass: by waiting, or by a manual clock. @default sleeping by `clock` */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined
  /** How long a case waits for something to happen, in milliseconds, before it fails. @default 30_000 */
  readonly patienceMs?: number | undefined
  /** How long a case waits to see that something does not happen, in milliseconds. @default 300 */
  readonly quietMs?: number | undefined
}

/** What a case works with. */
export interface Stage<Bench extends TransportBench> {
  readonly bench: Bench
  readonly clock: Clock
  readonly shortMs: number
  readonly longMs: number
  readonly quietMs: number
  passTime(ms: number): Promise<void>
  /** Waits until `condition` holds; fails with `what` when that takes too long. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>
  /** The promise's value; meanwhile time passes. */
  drive<Value>(promise: Promise<Value>): Promise<Value>
  /** A promise that somebody has to open; opened at the end of the case, too, so that nothing hangs. */
  gate(): Gate
  handler(script?: Script, options?: { readonly scope?: string; check?(): Promise<void> }): ScriptedHandler
  consume(handler: Idempotent<string, unknown>, options?: StageConsumeOptions): Promise<Consumption>
  stop(consumption: Consumption): Promise<void>
}

export interface StageConsumeOptions {
  /** @default 'one' */
  readonly groupId?: string
  readonly concurrency?: number
  readonly graceMs?: number
  readonly signal?: AbortSignal
  readonly decode?: (incoming: Incoming) => string | Promise<string>
}

export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

/** The cases of one part of a suite, by name. */
export type Cases<Bench extends TransportBench> = Readonly<Record<string, (stage: Stage<Bench>) => Promise<void>>>

/** How much earlier than asked for a copy may come: clocks and timers round differently. */
export const roundingMs = 15

const pollMs = 20

const asText = (incoming: Incoming): string => incoming.text()

export function onStage<Bench extends TransportBench>(options: BenchOptions<Bench>, cases: Cases<Bench>): readonly SuiteCase[] {
  return Object.entries(cases).map(([name, play]) => ({
    name,
    async run() {
      const bench = await options.open()
      const endings: (() => Promise<void> | void)[] = []
      const stage = setUp(options, bench, endings)
      try {
        await play(stage)
      } finally {
        for (const end of endings) await end()
        await stage.drive(bench.close())
      }
    },
  }))
}

function setUp<Bench extends TransportBench>(
  options: BenchOptions<Bench>,
  bench: Bench,
  endings: (() => Promise<void> | void)[],
): Stage<Bench> {
  const { quietMs = 300, delaysMs = [200, 1_000] } = options
  const [shortMs, longMs] = delaysMs
  const { clock, passTime, until, drive } = openPatience({ ...options, pollMs })
  const gate = (): Gate => {
    let open = (): void => undefined
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    endings.unshift(open)
    return { opened, open }
  }
  const stop = (consumption: Consumption): Promise<void> => drive(consumption.stop())

  return {
    bench,
    clock,
    shortMs,
    longMs,
    quietMs,
    passTime,
    until,
    drive,
    gate,
    handler: (script = ackAll, { scope = 'suite', check = () => Promise.resolve() } = {}) =>
      scriptedHandler({ clock, retryDelaysMs: delaysMs, scope, script, check }),
    async consume(handler, { groupId = 'one', concurrency = 8, graceMs = 500, signal, decode = asText } = {}) {
      const transport = bench.transport({ groupId, concurrency, decode })
      const consumption = await drive(transport.consume(handler, { graceMs, signal }))
      endings.push(() => stop(consumption))
      return consumption
    },
    stop,
  }
}

/** Messages with these bodies, each with an ordering key of its own. */
export function messages(...bodies: readonly string[]): readonly Omit<Outgoing, 'destination'>[] {
  return bodies.map((body) => ({ body, orderingKey: body }))
}

/** Texts `a1` to `a<count>`. */
export function texts(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index + 1}`)
}

export function hasAll(seen: readonly string[], wanted: readonly string[]): boolean {
  const known = new Set(seen)
  return wanted.every((text) => known.has(text))
}

/** A broker may add headers of its own; the message's must be there, and no mark. */
export function assertHeaders(headers: MessageHeaders, wanted: MessageHeaders): void {
  for (const [name, value] of Object.entries(wanted)) assert.equal(headers[name], value, `header ${name}`)
  assert.deepEqual(
    Object.keys(headers).filter((name) => isMark(name)),
    [],
    'the marks are not shown to the handler',
  )
}

/** A case that a bench cannot play. */
export function canPlay<Able>(ability: Able | Cannot): ability is Able {
  return !(typeof ability === 'object' && ability !== null && 'cannot' in ability)
}
