import { DeadLetterError, hasCode, onAbort, recordKey } from '../../../src/index.js'
import { never } from './process.js'
import type { Incoming } from '../../../src/index.js'
import type { Behaviour, PlannedMessage } from '../plan.js'
import type { Process } from './process.js'
import type { Pass, World } from '../world.js'

/** The scope of the simulated handler. */
export const simulatedScope = 'simulated'

/** The record of a key, as a store knows it. */
export const recordOf = (key: string): string => recordKey(simulatedScope, key)

/** What the simulated handler is given. It may be changed by the handler, as handlers do. */
export interface Received {
  readonly id: string
  key: string
  /** Which arrival this is; undefined under `once`. */
  readonly delivery: number | undefined
}

/** What its context has that the handler looks at, whichever way it is wrapped. */
export interface Told {
  readonly key: string
  readonly attempt: number
  readonly signal: AbortSignal
  /** Of the lease; undefined in an inbox. */
  readonly token?: number | undefined
}

export const works: Behaviour = { how: 'works', times: 0, beforeMs: 0, afterMs: 0, heeds: 'asks', effectFirst: false }

export function bodyOf({ id, key }: PlannedMessage): string {
  return JSON.stringify({ id, key })
}

/** Which message a body is of, whether its handler can read it or not. */
export function idOf(body: string): string {
  return (JSON.parse(body) as { id: string }).id
}

/** Reads a message, unless it is one that cannot be read. */
export function decoder(behaviours: Readonly<Record<string, Behaviour>>): (incoming: Incoming) => Received {
  return (incoming) => {
    const { id, key } = incoming.json() as { id: string; key: string }
    if (behaviours[key]?.how === 'unreadable') throw new SyntaxError(`Nobody can read ${id}`)
    return { id, key, delivery: undefined }
  }
}

/** The key of a message, unless it is one that has none. */
export function keyReader(behaviours: Readonly<Record<string, Behaviour>>): (received: Received) => string {
  return ({ id, key }) => {
    if (behaviours[key]?.how === 'keyless') throw new Error(`${id} has no key`)
    return key
  }
}

/** Plays the handler of one message in one process; `takeEffect` is what everybody can see of it. */
export async function playHandler<Tx>(
  world: World<Tx>,
  process: Process,
  pass: Pass,
  crash: (key: string) => void,
  received: Received,
  told: Told,
  takeEffect: (run: number) => void,
): Promise<string> {
  const { name: worker } = process
  const { key } = told
  const { how, times, beforeMs, afterMs, heeds, effectFirst } = world.plan.behaviours[key] ?? works
  const run = world.next('run')
  const troubled = world.countRun(key) <= times
  world.tell({
    what: 'started',
    worker,
    run,
    delivery: received.delivery,
    message: received.id,
    key,
    attempt: told.attempt,
    token: told.token,
  })
  // Handlers write into what they are given.
  received.key = 'changed by the handler'

  const point = async (at: 'start' | 'effect' | 'return', side: 'before' | 'after'): Promise<void> => {
    pass(at, side)
    if (process.state === 'stalled') await process.turn(0)
    if (process.state === 'dead') await never()
  }
  const wait = async (ms: number): Promise<void> => {
    if (heeds !== 'aborts') return process.turn(ms)
    const { signal } = told
    if (!signal.aborted) await new Promise<void>((resolve) => (process.wake(ms, resolve), onAbort(signal, resolve)))
    signal.throwIfAborted()
  }
  const haveEffect = async (): Promise<void> => {
    await point('effect', 'before')
    // Nothing comes between this look and the effect.
    if (heeds !== 'nothing') told.signal.throwIfAborted()
    takeEffect(run)
    await point('effect', 'after')
  }
  const fail = async (): Promise<void> => {
    if (how === 'fails') throw new Error(`${key} fails`)
    if (how === 'asks') throw new DeadLetterError(`${key} asks to be set aside`)
    if (how === 'kills') crash(key)
    await (how === 'hangs' && heeds === 'aborts' ? wait(Number.POSITIVE_INFINITY) : never())
  }

  try {
    await point('start', 'after')
    await wait(beforeMs)
    if (!troubled || effectFirst) await haveEffect()
    if (troubled) await fail()
    await wait(afterMs)
    await point('return', 'before')
  } catch (error) {
    const aborted = told.signal.aborted && error === told.signal.reason
    const why = aborted ? (hasCode(error, 'run-too-long') ? 'too-long' : 'aborted') : hasCode(error, 'dead-letter') ? 'asks' : 'fails'
    world.tell({ what: 'threw', worker, run, key, why })
    throw error
  }
  world.tell({ what: 'returned', worker, run, key })
  return received.id
}
