import assert from 'node:assert/strict'
import { recordKey, sleep, systemClock, systemRandom } from '../../src/index.js'
import type { Claim, ClaimOptions, ClaimResult, Clock, Store } from '../../src/index.js'
import type { SuiteCase } from '../suite.js'

/** A handle on the backend under test. */
export interface Opened<Handle extends Store> {
  readonly store: Handle
  close(): Promise<void> | void
}

/** What a suite has to know of a backend. */
export interface StageOptions<Handle extends Store> {
  /**
   * Opens one more handle on the same backend, as another process would: with a connection of its own, where it has connections. Called
   * several times by each case, which closes what it opened.
   */
  open(): Promise<Opened<Handle>> | Opened<Handle>
  /** What the suite measures time by: the machine's, or the manual one that the store was given. @default systemClock */
  readonly clock?: Clock | undefined
  /** Lets that many milliseconds pass for the backend: by waiting, or by a manual clock. @default sleeping by `clock` */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined
  /**
   * The grain of the short leases and windows of the suite, in milliseconds; at least 10. A lease of a few units must be longer than a few
   * calls take; where it was not, the case is tried again with a longer one. @default 25
   */
  readonly unitMs?: number | undefined
}

/** Long enough never to end within a case. */
export const longMs = 600_000

/** What a case works with. */
export interface Stage<Handle extends Store> {
  readonly store: Handle
  /** The same backend as another process sees it. */
  readonly other: Handle
  readonly unitMs: number
  openMore(count: number): Promise<readonly Handle[]>
  /** A record that nobody used before. */
  record(key?: string): string
  passTime(ms: number): Promise<void>
  /**
   * Runs `attempt`, which proves that something is still held. When it fails and took longer than `mayTake` units, that proves nothing: it
   * is run again with longer units, on new records.
   */
  patiently(mayTake: number, attempt: (unitMs: number) => Promise<void>): Promise<void>
  /** Claims with a new nonce, for long, unless `options` say otherwise. */
  claim(store: Store, record: string, options?: Partial<ClaimOptions>): Promise<ClaimResult>
  /** The same, and it has to succeed. */
  claimed(store: Store, record: string, options?: Partial<ClaimOptions>): Promise<Claim>
  /** A claim whose lease has ended, with nothing since. */
  lapsed(store: Store, record: string, options?: Partial<ClaimOptions>): Promise<Claim>
  /** A claim whose lease has ended, and the one that was made after it by `other`. */
  superseded(record: string): Promise<{ readonly old: Claim; readonly newer: Claim }>
  assertBusy(store: Store, record: string, options?: Partial<ClaimOptions>): Promise<void>
  assertDuplicate(store: Store, record: string, options?: Partial<ClaimOptions>): Promise<void>
}

/** The cases of one part of a suite, by name. */
export type Cases<Handle extends Store> = Readonly<Record<string, (stage: Stage<Handle>) => Promise<void>>>

/** Timers and servers round times differently; what has to be over gets that much longer. */
const roundingMs = 10

export function onStage<Handle extends Store>(options: StageOptions<Handle>, cases: Cases<Handle>): readonly SuiteCase[] {
  return Object.entries(cases).map(([name, play]) => ({
    name,
    async run() {
      const handles: Opened<Handle>[] = []
      const open = async (): Promise<Handle> => {
        const handle = await options.open()
        handles.push(handle)
        return handle.store
      }
      try {
        await play(setUp(options, open, await open(), await open()))
      } finally {
        for (const handle of handles) await handle.close()
      }
    },
  }))
}

function setUp<Handle extends Store>(
  options: StageOptions<Handle>,
  open: () => Promise<Handle>,
  store: Handle,
  other: Handle,
): Stage<Handle> {
  const { clock = systemClock, passTime = (ms) => sleep(clock, ms), unitMs = 25 } = options
  const scope = `suite.${systemRandom.nonce()}`
  let records = 0

  const claim: Stage<Handle>['claim'] = (handle, record, given) =>
    handle.claim(record, { nonce: systemRandom.nonce(), leaseMs: longMs, memoryMs: longMs, ...given })
  const claimed: Stage<Handle>['claimed'] = async (handle, record, given) => {
    const result = await claim(handle, record, given)
    assert.equal(result.status, 'claimed')
    return result.claim
  }
  const lapsed: Stage<Handle>['lapsed'] = async (handle, record, given) => {
    const leaseMs = given?.leaseMs ?? unitMs
    const result = await claimed(handle, record, { ...given, leaseMs })
    await passTime(leaseMs + roundingMs)
    return result
  }

  return {
    store,
    other,
    unitMs,
    openMore: (count) => Promise.all(Array.from({ length: count }, open)),
    record: (key = `key-${(records += 1)}`) => recordKey(scope, key),
    passTime,
    async patiently(mayTake, attempt) {
      for (let patientMs = unitMs; ; patientMs *= 2) {
        const startedMs = clock.now()
        try {
          return await attempt(patientMs)
        } catch (error) {
          if (clock.now() - startedMs < mayTake * patientMs || patientMs > unitMs * 64) throw error
        }
      }
    },
    claim,
    claimed,
    lapsed,
    async superseded(record) {
      const old = await lapsed(store, record)
      return { old, newer: await claimed(other, record) }
    },
    async assertBusy(handle, record, given) {
      const result = await claim(handle, record, given)
      assert.equal(result.status, 'busy')
      const { retryInMs } = result
      assert.deepEqual(result, { status: 'busy', retryInMs })
      assert.ok(retryInMs > 0 && retryInMs <= longMs, `retryInMs is ${retryInMs}`)
    },
    async assertDuplicate(handle, record, given) {
      assert.deepEqual(await claim(handle, record, given), { status: 'duplicate' })
    },
  }
}
