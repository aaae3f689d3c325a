import { onAbort } from './aborts.js'
import { within } from './clock.js'
import { refuseUnless } from './options.js'
import { openPlaces } from './places.js'
import { openWaiters } from './waiters.js'
import { StoppingError } from './errors.js'
import type { Clock } from './clock.js'
import type { Idempotent } from './handler.js'
import type { Session } from './delivery.js'
import type { Consumption, ConsumeOptions, Settle } from './transport.js'

/** What a transport brings to a consumption. */
export interface Intake {
  /** Ends intake: no delivery is handed over afterwards, and the signals of those that have not started are aborted. */
  stop(): Promise<void> | void
  /** Closes what was opened. Called after every settlement has ended, or was given up. */
  close(): Promise<void> | void
}

export interface ConsumptionParts<Message> {
  readonly clock: Clock
  /** How many handlers may run at once; at least 1. */
  readonly concurrency: number
  /**
   * Begins to receive.
   */
  readonly open: (parts: OpenParts<Message>) => Promise<Intake>
}

/** What a transport works with while it consumes. */
export interface OpenParts<Message> {
  /** To be called with each delivery. */
  readonly settle: Settle<Message>
  /** Ends the consumption with an error that nothing can be done about. */
  fail(error: unknown): void
  /** Says that the broker is away until the function that it returns is called. */
  hold(): () => void
  /**
   * For brokers that hand over thousands of messages in one go: whether another one could be handled now. If not, `wake` is called once when that may be. What is
   * begun and waits is looked through by every garbage collection.
   */
  hasRoom(wake: () => void): boolean
  /**
   * For brokers that hand over a bounded number of unsettled messages: `told` is called with how many deliveries wait aside whenever that changes.
   * They take no handler's place, and are not to keep others from being handed over.
   */
  watchAside(told: (count: number) => void): void
}

/** After the grace time, how long handing back and settling may take before all is closed regardless. */
const handBackMs = 2_000

/**
 * The life of a consumption, the same for every transport: checks the store, opens intake, keeps count of what is being settled, and
 * stops within the grace time. A transport's `consume` is a call of this.
 */
export async function openConsumption<Message>(
  handler: Idempotent<Message, unknown>,
  options: ConsumeOptions,
  { clock, concurrency, open }: ConsumptionParts<Message>,
): Promise<Consumption> {
  refuseUnless.methods('handler', handler, ['settle', 'check', 'report'], 'idempotent(…), or inbox(…)')
  refuseUnless.options(options, '{ graceMs }')
  const { signal, graceMs = 20_000 } = options
  refuseUnless.signal('signal', signal)
  refuseUnless.wholeNumber('graceMs', graceMs, { least: 0, good: 20_000 })
  refuseUnless.wholeNumber('concurrency', concurrency, { least: 1, good: 16 })
  await handler.check()

  const graceOver = new AbortController()
  let held = 0
  let aside = 0
  let tellAside = (_count: number): void => undefined
  let status: 'running' | 'stopping' | 'stopped' = 'running'
  let failure: { readonly error: unknown } | undefined
  let end = (): void => undefined
  const done = new Promise<void>((resolve, reject) => {
    end = () => (failure ? reject(failure.error) : resolve())
  })
  // Whoever never looks at `done` must not be ended by an unhandled rejection.
  done.catch(() => undefined)

  const places = openPlaces(concurrency, () => askForMore())
  const session: Session = {
    places,
    graceOver: graceOver.signal,
    hold() {
      held += 1
      let over = false
      return () => {
        if (!over) held -= 1
        over = true
      }
    },
    waitAside() {
      tellAside((aside += 1))
      askForMore()
      return () => tellAside((aside -= 1))
    },
  }

  let running = 0
  let asking = false
  const wanting = openWaiters()
  // Those that decode for long, or publish a copy, have no place.
  const hasRoom = (): boolean => places.taken < concurrency && running - aside < 2 * concurrency
  const askForMore = (): void => {
    // Who is woken may hand over one that waits aside at once.
    if (asking) return
    asking = true
    while (hasRoom() && wanting.wakeFirst());
    asking = false
  }
  let idle: (() => void) | undefined
  const over = (): void => {
    running -= 1
    if (running === 0) idle?.()
    askForMore()
  }
  const settle: Settle<Message> = (delivery) => {
    running += 1
    const settlement = handler.settle(delivery, session)
    settlement.then(over, over)
    return settlement
  }

  let opened = false
  const intake = await open({
    settle,
    hold: () => session.hold(),
    hasRoom(wake) {
      if (hasRoom()) return true
      wanting.add(wake)
      return false
    },
    watchAside: (told) => void (tellAside = told),
    fail(error) {
      failure ??= { error }
      if (opened) void stop()
    },
  })

  opened = true

  const allSettled = async (): Promise<void> => {
    while (running > 0) await new Promise<void>((resolve) => (idle = resolve))
  }

  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= runStop())
  const runStop = async (): Promise<void> => {
    status = 'stopping'
    unwatch?.()
    try {
      await intake.stop()
      await within(clock, graceMs, allSettled())
      graceOver.abort(new StoppingError(`Consuming stops, and the grace time of ${graceMs} ms (option graceMs) is over`))
      await within(clock, handBackMs, allSettled())
      await intake.close()
    } catch (error) {
      failure ??= { error }
    }
    status = 'stopped'
    end()
  }
  const unwatch = signal && onAbort(signal, () => void stop())
  if (signal?.aborted || failure) await stop()

  return {
    get status() {
      return status === 'running' && held > 0 ? 'held' : status
    },
    done,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
