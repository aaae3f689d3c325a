/**
 * Works out from the ledger what was charged, twice, or not at all. It shares no code with the library: what is wrong there must not be
 * wrong here in the same way.
 */
import type { Entry } from './ledger.js'

export interface Expected {
  readonly payments: readonly { readonly id: string; readonly cents: number; readonly poison: boolean }[]
  readonly entries: readonly Entry[]
  /** Payments found among the dead letters. */
  readonly deadLetters: readonly string[]
  /** The worker that was killed. */
  readonly killed: string
  /** Charge and record are one transaction: what the killed worker had in its hands excuses nothing. */
  readonly inbox: boolean
}

export interface Report {
  readonly payments: number
  /** Deliveries that were settled. */
  readonly deliveries: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly chargedCents: number
  /** Payments charged more than once, and what that cost. */
  readonly twice: readonly string[]
  readonly tooMuchCents: number
  /** Payments neither charged nor set aside. */
  readonly lost: readonly string[]
  readonly lostCents: number
  readonly setAside: readonly string[]
  /** What the killed worker had in its hands. By lease it may have charged one without living to record that. */
  readonly inHands: readonly string[]
  /** The worker that was killed. */
  readonly killed: string
  readonly inbox: boolean
  /** Nothing lost, nothing set aside but what cannot succeed, and nothing twice, but by lease for what was in the killed worker's hands. */
  readonly ok: boolean
}

export function check({ payments, entries, deadLetters, killed, inbox }: Expected): Report {
  const charges = new Map<string, number>()
  const outcomes: Record<string, number> = {}
  const hands = new Map<string, number>()
  let deliveries = 0
  let chargedCents = 0
  for (const { what, worker, payment, cents = 0, outcome = 'unknown' } of entries) {
    if (what === 'charged') {
      charges.set(payment, (charges.get(payment) ?? 0) + 1)
      chargedCents += cents
    }
    if (what === 'settled') {
      deliveries += 1
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
    if (worker === killed && what === 'began') hands.set(payment, (hands.get(payment) ?? 0) + 1)
    if (worker === killed && what === 'settled') hands.delete(payment)
  }
  const aside = new Set(deadLetters)
  const twice = payments.filter(({ id }) => (charges.get(id) ?? 0) > 1)
  const lost = payments.filter(({ id }) => !charges.has(id) && !aside.has(id))
  const inHands = [...hands.keys()]
  const justlyAside = payments.every(({ id, poison }) => poison || !aside.has(id))
  return {
    payments: payments.length,
    deliveries,
    outcomes,
    chargedCents,
    twice: twice.map(({ id }) => id),
    tooMuchCents: twice.reduce((sum, { id, cents }) => sum + ((charges.get(id) ?? 0) - 1) * cents, 0),
    lost: lost.map(({ id }) => id),
    lostCents: lost.reduce((sum, { cents }) => sum + cents, 0),
    setAside: [...aside],
    inHands,
    killed,
    inbox,
    ok: lost.length === 0 && justlyAside && twice.every(({ id }) => !inbox && inHands.includes(id)),
  }
}
