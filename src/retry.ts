import { sleep, tooLate, within } from './clock.js'
import { StoreAwayError } from './errors.js'
import type { Runtime } from './runtime.js'

/** How long to wait before the next try: doubles from 50 ms to 2 s with every failure (`failures` counts from 1), less up to half of it by chance. */
export function backOff(failures: number, fraction: number): number {
  const mostMs = Math.min(2_000, 50 * 2 ** Math.min(failures - 1, 10))
  return Math.ceil(mostMs * (1 - fraction / 2))
}

export interface TryAgainOptions {
  /** No further try begins once it has aborted. */
  readonly signal?: AbortSignal | undefined
  /** No further try begins after this time. @default no limit */
  readonly forMs?: number | undefined
  /** Told of every try that failed. */
  readonly onFault?: ((error: unknown) => void) | undefined
}

export type Tried<Value> = { readonly done: true; readonly value: Value } | { readonly done: false; readonly error: unknown }

/** Does `step` until it resolves, with a back-off in between, or until the signal or the time ends it. Begins at least once. Never rejects. */
export async function tryAgain<Value>(
  { clock, random }: Pick<Runtime, 'clock' | 'random'>,
  step: () => Promise<Value>,
  { signal, forMs = Number.POSITIVE_INFINITY, onFault }: TryAgainOptions = {},
): Promise<Tried<Value>> {
  const begun = clock.now()
  for (let failures = 1; ; failures += 1) {
    try {
      return { done: true, value: await step() }
    } catch (error) {
      onFault?.(error)
      const leftMs = forMs - (clock.now() - begun)
      // A pause of less than a millisecond may be none at all.
      if (signal?.aborted || leftMs < 1) return { done: false, error }
      await sleep(clock, Math.min(leftMs, backOff(failures, random.fraction())), signal)
      if (signal?.aborted) return { done: false, error }
    }
  }
}

/** An answer of the store that does not come in time is a fault like any other; `late` is told of it if it comes all the same. */
export async function answerWithin<Value>(
  { clock }: Pick<Runtime, 'clock'>,
  ms: number,
  call: () => Promise<Value>,
  late?: (value: Value) => void,
): Promise<Value> {
  const answering = Promise.resolve(call())
  const answer = await within(clock, ms, answering)
  if (answer !== tooLate) return answer
  answering.then(late, () => undefined)
  throw new StoreAwayError(`The store has not answered within ${ms} ms (option storeTimeoutMs)`)
}
