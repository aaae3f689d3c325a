import assert from 'node:assert/strict'
import { systemRandom } from '../../src/index.js'
import { openPatience } from '../patience.js'
import { recorder } from './recorder.js'
import type { Clock, Outbox, OutboxTable, Outgoing, Publisher, Relay, RelayOptions, Trouble } from '../../src/index.js'
import type { Recorder } from './recorder.js'
import type { SuiteCase } from '../suite.js'

/** An outbox as one process sees it. */
export interface OutboxHandle<Tx> {
  readonly outbox: Outbox<Tx>
  /** Runs in one transaction: commits when `run` resolves, rolls back when it rejects. */
  transaction<Value>(run: (tx: Tx) => Promise<Value>): Promise<Value>
  close(): Promise<void> | void
}

/** A table that nobody used before. */
export interface OutboxBench<Tx> {
  /** One more handle on the table, as another process would have it: with connections of its own, where it has connections. */
  openHandle(): Promise<OutboxHandle<Tx>> | OutboxHandle<Tx>
  /** Removes the table. Every handle was closed. */
  close(): Promise<void> | void
}

/** What the suite has to know of a backend. */
export interface OutboxSuiteOptions<Tx> {
  /** Called once by each case. */
  open(): Promise<OutboxBench<Tx>> | OutboxBench<Tx>
  /** Whether a relay is woken by a commit, or finds out at its next poll. */
  readonly wakes: boolean
  /** Whether two transactions can be open at once that both have added messages: false where there is one writer. */
  readonly sideBySide: boolean
  /** What the suite measures time by: the machine's, or the manual one that the outbox was given. @default systemClock */
  readonly clock?: Clock | undefined
  /** Lets that many milliseconds pass: by waiting, or by a manual clock. @default sleeping by `clock` */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined
  /** How long a case waits for something to happen, in milliseconds, before it fails. @default 30_000 */
  readonly patienceMs?: number | undefined
}

export type Sending = Omit<Outgoing, 'destination'> & { readonly destination?: string }

/** What a case works with. */
export interface OutboxStage<Tx> {
  readonly handle: OutboxHandle<Tx>
  readonly outbox: Outbox<Tx>
  readonly table: OutboxTable<Tx>
  /** What relays publish to unless another one is handed in. */
  readonly broker: Recorder
  /** Everything that relays told. */
  readonly troubles: Trouble[]
  readonly clock: Clock
  openHandle(): Promise<OutboxHandle<Tx>>
  /** Starts a relay with short times, unless `options` say otherwise; it is stopped at the end of the case. */
  relay(options?: RelayOptions & { readonly publisher?: Publisher; readonly outbox?: Outbox<Tx> }): Promise<Relay>
  stop(relay: Relay): Promise<void>
  /** Stores messages in a transaction of their own. */
  send(...messages: readonly Sending[]): Promise<void>
  /** Waits until `condition` holds; fails with `what` when that takes too long. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>
  passTime(ms: number): Promise<void>
  /** The promise's value; meanwhile time passes. */
  drive<Value>(promise: Promise<Value>): Promise<Value>
  /** Waits until nothing waits any more. */
  drained(): Promise<void>
}

export type OutboxCases<Tx> = Readonly<Record<string, (stage: OutboxStage<Tx>) => Promise<void>>>

const pollMs = 10

export function onOutboxStage<Tx>(options: OutboxSuiteOptions<Tx>, cases: OutboxCases<Tx>): readonly SuiteCase[] {
  return Object.entries(cases).map(([name, play]) => ({
    name,
    async run() {
      const bench = await options.open()
      const endings: (() => Promise<void> | void)[] = []
      try {
        await play(await setUp(options, bench, endings))
      } finally {
        for (const end of endings.toReversed()) await end()
        await bench.close()
      }
    },
  }))
}

async function setUp<Tx>(
  options: OutboxSuiteOptions<Tx>,
  bench: OutboxBench<Tx>,
  endings: (() => Promise<void> | void)[],
): Promise<OutboxStage<Tx>> {
  const { clock, passTime, until, drive } = openPatience({ ...options, pollMs })
  const broker = recorder()
  const troubles: Trouble[] = []

  const openHandle = async (): Promise<OutboxHandle<Tx>> => {
    const handle = await bench.openHandle()
    endings.push(() => handle.close())
    return handle
  }
  const stop = (relay: Relay): Promise<void> => drive(relay.stop())
  const handle = await openHandle()
  const { outbox } = handle

  return {
    handle,
    outbox,
    table: outbox.table,
    broker,
    troubles,
    clock,
    openHandle,
    until,
    drive,
    passTime,
    stop,
    async relay({ publisher = broker, outbox: own = outbox, ...given } = {}) {
      const relay = await drive(
        own.relay(publisher, {
          pollMs: 50,
          retryDelaysMs: [50],
          graceMs: 2_000,
          runtime: { clock, random: systemRandom },
          onTrouble: (trouble) => troubles.push(trouble),
          ...given,
        }),
      )
      endings.push(() => stop(relay))
      return relay
    },
    send: (...messages) => handle.transaction((tx) => outbox.send(tx, messages.map(toOrders))),
    drained: () => until('nothing waits', async () => (await outbox.depth()).waiting === 0),
  }
}

export function toOrders(message: Sending): Outgoing {
  return { destination: 'orders', ...message }
}

/** Messages `a1` to `a<count>` under one ordering key. */
export function inARow(key: string, count: number): readonly Sending[] {
  return Array.from({ length: count }, (_, index) => ({ body: `${key}${index + 1}`, orderingKey: key }))
}

/** Asserts that each key's messages were first received in the order in which they were sent. */
export function assertOrder(texts: readonly string[], keys: readonly string[], count: number): void {
  const first = [...new Set(texts)]
  for (const key of keys) {
    const own = first.filter((text) => text.replace(/\d+$/, '') === key)
    const wanted = Array.from({ length: count }, (_, index) => `${key}${index + 1}`)
    assert.deepEqual(own, wanted, `the messages of ${key}, by when they first arrived`)
  }
}
