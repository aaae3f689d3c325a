import { sleep } from '../../src/index.js'
import type { Clock, Delivery, Idempotent, Outcome, Runtime, Session } from '../../src/index.js'
import type { Charge, Keeping, Move } from './keeping.js'
import type { Payment } from './payments.js'
import type { WriteEntry } from './ledger.js'

export type Way = 'bare' | 'wrapped'

export interface WorkerParts {
  readonly name: string
  readonly keeping: Keeping
  readonly runtime: Runtime
  readonly write: WriteEntry
}

/** Short, so that the demo shows in seconds what takes minutes by default. */
export const delaysMs: readonly number[] = [300, 1_000]
/** How many handlers run at once in each worker. */
export const concurrency = 8
const leaseMs = 2_500
const bareTries = 4

/** The handler of the demo, the same for both: asks the bank, then charges. */
function chargeWith({ clock }: { readonly clock: Clock }, name: string, write: WriteEntry): Charge {
  return async (payment, attempt, move) => {
    write({ worker: name, payment: payment.id, what: 'began' })
    await sleep(clock, payment.latencyMs)
    if (payment.poison) throw new Error('the bank does not know this card')
    if (attempt <= payment.failures) throw new Error('the bank does not answer')
    return move(payment)
  }
}

export function makeHandler(way: Way, { name, keeping, runtime, write }: WorkerParts): Idempotent<Payment, void> {
  const charge = chargeWith(runtime, name, write)
  if (way === 'bare') return bare(charge, keeping.move, runtime.clock, name, write)
  return keeping.wrap(charge, {
    scope: 'demo.charge',
    key: (payment) => payment.id,
    leaseMs,
    maxAttempts: 4,
    retryDelaysMs: delaysMs,
    runtime,
    onOutcome: (outcome) => write({ worker: name, payment: outcome.key ?? '', what: 'settled', outcome: outcome.status }),
  })
}

/** Charging, where money moves by a line in the ledger. */
export function moveInLedger(name: string, write: WriteEntry): Move {
  return (payment) => write({ worker: name, payment: payment.id, what: 'charged', cents: payment.cents })
}

/** What people write by hand: try a few times, log, and go on, as one message must not hold up all others. */
function bare(charge: Charge, move: Move, clock: Clock, name: string, write: WriteEntry): Idempotent<Payment, void> {
  const handle = async (payment: Payment): Promise<'handled' | 'gave up'> => {
    for (let attempt = 1; attempt <= bareTries; attempt += 1) {
      try {
        await charge(payment, attempt, move)
        return 'handled'
      } catch {
        await sleep(clock, delaysMs[0] ?? 0)
      }
    }
    write({ worker: name, payment: payment.id, what: 'gave-up' })
    return 'gave up'
  }
  return {
    scope: 'demo.bare',
    settings: { windowMs: 86_400_000, leaseMs, maxRunMs: 900_000, retryDelaysMs: delaysMs },
    once: () => Promise.reject(new Error('The bare handler knows no once')),
    check: () => Promise.resolve(),
    report: () => undefined,
    async settle(delivery: Delivery<Payment>, session?: Session): Promise<Outcome> {
      const told = { scope: 'demo.bare', attempts: 0, postponements: 0, tookMs: 0 }
      const place = await session?.places.take(delivery.signal)
      if (!place) return { ...told, key: undefined, status: 'unsettled' }
      const payment = await delivery.decode()
      const outcome = await handle(payment)
      await delivery.ack().catch(() => undefined)
      write({ worker: name, payment: payment.id, what: 'settled', outcome })
      place()
      return { ...told, key: payment.id, status: 'handled' }
    },
  }
}

/** A payment from the bytes of a message. */
export function readPayment(json: unknown): Payment {
  const { id, cents, latencyMs = 0, failures = 0, poison = false } = json as Partial<Payment>
  if (typeof id !== 'string' || typeof cents !== 'number') throw new Error('this is no payment')
  return { id, cents, latencyMs, failures, poison }
}
