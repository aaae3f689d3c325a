import { sleep } from './clock.js'
import { StoreAwayError } from './errors.js'
import type { Deadlines } from './deadlines.js'
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

/**
 * Does `step` until it resolves, with a back-off in between, or until the signal or the time ends it. Begins at least once, and tells it the time. Never
 * rejects.
 */
export async function tryAgain<Value>(
  runtime: Pick<Runtime, 'clock' | 'random'>,
  step: (now: number) => Promise<Value>,
  options: TryAgainOptions = {},
): Promise<Tried<Value>> {
  const begun = runtime.clock.now()
  try {
    return { done: true, value: await step(begun) }
  } catch (error) {
    options.onFault?.(error)
    return keepTrying(runtime, step, options, { begun, error })
  }
}

/** The same from the second try on. */
export async function keepTrying<Value>(
  { clock, random }: Pick<Runtime, 'clock' | 'random'>,
  step: (now: number) => Promise<Value>,
  { signal, forMs = Number.POSITIVE_INFINITY, onFault }: TryAgainOptions,
  first: { readonly begun: number; readonly error: unknown },
): Promise<Tried<Value>> {
  let { error } = first
  for (let failures = 1; ; failures += 1) {
    const leftMs = forMs - (clock.now() - first.begun)
    // A pause of less than a millisecond may be none at all.
    if (signal?.aborted || leftMs < 1) return { done: false, error }
    await sleep(clock, Math.min(leftMs, backOff(failures, random.fraction())), signal)
    if (signal?.aborted) return { done: false, error }
    try {
      return { done: true, value: await step(clock.now()) }
    } catch (thrown) {
      error = thrown
      onFault?.(error)
    }
  }
}

/** Whoever has asked a store. */
export interface Asked<Value> {
  answered(value: Value): void
  failed(error: unknown): void
  /** Told of an answer that came after it was taken for a fault. */
  late?(value: Value): void
}

/** Waits for the answer of a store that was asked at `sentAt`. One that does not come in time is a fault like any other. */
export type Answering = <Value>(answer: Promise<Value>, sentAt: number, asked: Asked<Value>) => void

export function openAnswering(deadlines: Deadlines, ms: number): Answering {
  const lane = deadlines.lane<Pick<Asked<unknown>, 'failed'>>((asked) =>
    asked.failed(new StoreAwayError(`The store has not answered within ${ms} ms (option storeTimeoutMs)`)),
  )
  return (answer, sentAt, asked) => {
    const deadline = lane.set(asked, sentAt + ms)
    Promise.resolve(answer).then(
      (value) => {
        if (!deadline.waits) return asked.late?.(value)
        lane.callOff(deadline)
        asked.answered(value)
      },
      (error: unknown) => {
        if (!deadline.waits) return
        lane.callOff(deadline)
        asked.failed(error)
      },
    )
  }
}

/** The same as a promise. */
export function answerOf<Value>(
  answering: Answering,
  answer: Promise<Value>,
  sentAt: number,
  late?: (value: Value) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => answering(answer, sentAt, { answered: resolve, failed: reject, ...(late && { late }) }))
}
