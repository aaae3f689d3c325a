/** A payment as the demo sends it. What will go wrong with it is written in it, so that both handlers meet the same trouble. */
export interface Payment {
  readonly id: string
  readonly cents: number
  /** How long the bank takes. */
  readonly latencyMs: number
  /** How many runs fail before one succeeds. */
  readonly failures: number
  /** No run ever succeeds. */
  readonly poison: boolean
}

/** One sending of a payment. */
export interface Sending {
  readonly atMs: number
  readonly payment: Payment
  /** Sent with the payment's own ordering key, or by another producer without one, so that it may arrive beside the first. */
  readonly keyed: boolean
}

export interface Scenario {
  readonly payments: readonly Payment[]
  /** In order of time. */
  readonly sendings: readonly Sending[]
  /** When one worker dies. */
  readonly killAtMs: number
}

/** The same numbers for the same seed, everywhere (mulberry32). */
export function seededFraction(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A stream of payments with honest trouble: about three in ten are sent twice, a few fail at first, one can never succeed. */
export function makeScenario(seed: number, count: number, overMs: number): Scenario {
  const fraction = seededFraction(seed)
  const between = (least: number, most: number): number => Math.round(least + fraction() * (most - least))
  const poison = between(Math.floor(count / 3), Math.floor(count / 2))
  const payments: Payment[] = []
  const sendings: Sending[] = []
  for (let number = 0; number < count; number += 1) {
    const slow = fraction() < 0.1
    const payment: Payment = {
      id: `pay-${String(number + 1).padStart(4, '0')}`,
      cents: between(199, 24_999),
      latencyMs: slow ? between(500, 1_200) : between(15, 90),
      failures: fraction() < 0.06 ? between(1, 2) : 0,
      poison: number === poison,
    }
    payments.push(payment)
    const atMs = Math.round((number / count) * overMs)
    sendings.push({ atMs, payment, keyed: true })
    const again = fraction()
    // Next to the first; while a slow one is in flight; long after.
    if (again < 0.1) sendings.push({ atMs, payment, keyed: true })
    else if (again < 0.2) sendings.push({ atMs: atMs + between(5, 40), payment, keyed: false })
    else if (again < 0.3) sendings.push({ atMs: atMs + between(1_000, 2_500), payment, keyed: false })
  }
  sendings.sort((a, b) => a.atMs - b.atMs)
  return { payments, sendings, killAtMs: Math.round(overMs * 0.45) }
}
