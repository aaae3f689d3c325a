import { refuseUnless } from './options.js'
import { systemRandom } from './random.js'
import { systemClock } from './clock.js'
import type { Clock } from './clock.js'
import type { Random } from './random.js'

export interface SweepOptions {
  /** Removes one bounded batch of what is over. Answers whether the batch was full, so that there may be more. */
  readonly batch: () => Promise<boolean>
  /** How long to wait between two sweeps, in milliseconds, half of it more or less by chance, so that instances do not sweep together; at least 1. @default 60_000 */
  readonly everyMs?: number | undefined
  /** How many batches one sweep may take, at least 1. What is left waits for the next one, which then begins after as long as this one took. @default 20 */
  readonly mostBatches?: number | undefined
  /** Told what a sweep failed with; the next one tries again. What it throws is ignored. @default nobody is told */
  readonly onFailed?: ((error: unknown) => unknown) | undefined
  /** @default systemClock */
  readonly clock?: Clock | undefined
  /** @default systemRandom */
  readonly random?: Random | undefined
}

/** Clears away what is over while there is traffic: no timer, nothing to close, and nobody waits for it. */
export interface Sweep {
  /** To be called with every claim and every transaction: begins a sweep if one is due and none is running. */
  ride(): void
  /** Sweeps now. Resolves once it is done; never rejects. */
  now(): Promise<void>
}

/** For stores whose backend does not expire records by itself. */
export function openSweep(options: SweepOptions): Sweep {
  refuseUnless.options(options, '{ batch }')
  const { batch, everyMs = 60_000, mostBatches = 20, onFailed = () => undefined, clock = systemClock, random = systemRandom } = options
  refuseUnless.function('batch', batch, 'async () => false')
  refuseUnless.function('onFailed', onFailed, '(error) => console.error(error)')
  refuseUnless.clock('clock', clock)
  refuseUnless.random('random', random)
  refuseUnless.wholeNumber('sweepEveryMs', everyMs, { least: 1, good: 60_000 })
  refuseUnless.wholeNumber('mostBatches', mostBatches, { least: 1, good: 20 })
  const pause = (): number => clock.now() + everyMs * (0.5 + random.fraction())
  // A process that begins does not sweep at once: many begin together.
  let dueAt = pause()
  let running: Promise<void> | undefined

  const sweep = async (): Promise<void> => {
    const begunAt = clock.now()
    let batches = 0
    try {
      while (batches < mostBatches && (await batch())) batches += 1
    } catch (error) {
      await told(error)
    }
    // More may be over in a minute than one sweep takes: the table is not to grow, nor is all time to be spent on sweeping.
    dueAt = batches < mostBatches ? pause() : Math.min(pause(), 2 * clock.now() - begunAt)
    running = undefined
  }
  /** What an onlooker throws, or rejects with, must not end the sweeps. */
  const told = async (error: unknown): Promise<void> => {
    try {
      await onFailed(error)
    } catch {
      // It is not the store's fault.
    }
  }
  const now = (): Promise<void> => (running ??= sweep())

  return {
    ride() {
      if (!running && clock.now() >= dueAt) void now()
    },
    now,
  }
}
