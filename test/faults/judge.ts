/** Judges a run by its ledger. Shares no code with the library. */
import type { Line } from './ledger.js'

/** A worker that was killed, or stalled for longer than its lease, at this time. */
export interface Hit {
  readonly worker: string
  readonly at: number
  readonly how: 'killed' | 'stalled'
}

export interface Verdict {
  readonly payments: number
  readonly deliveries: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly lost: readonly string[]
  /** Charged more than once, each with the worker in whose hands it was when that was hit, if it was in one's. */
  readonly twice: readonly { readonly payment: string; readonly times: number; readonly hands: string | undefined }[]
  /** How long the payments that a hit worker had in its hands, and had not charged, waited until somebody charged them. */
  readonly waits: readonly { readonly hit: Hit; readonly payments: number; readonly longestMs: number; readonly medianMs: number }[]
  readonly ok: boolean
}

export function judge(payments: readonly string[], lines: readonly Line[], hits: readonly Hit[]): Verdict {
  const charges = new Map<string, Line[]>()
  const outcomes: Record<string, number> = {}
  for (const line of lines) {
    if (line.what === 'charged') charges.set(line.payment, [...(charges.get(line.payment) ?? []), line])
    if (line.what === 'settled') outcomes[line.outcome ?? '?'] = (outcomes[line.outcome ?? '?'] ?? 0) + 1
  }
  const inHands = new Map(hits.map((hit) => [hit, handsOf(hit, lines)]))
  const handsAt = (payment: string): string | undefined => {
    const hit = hits.find((each) => inHands.get(each)?.has(payment))
    return hit && `${hit.worker}, ${hit.how}`
  }
  const lost = payments.filter((payment) => !charges.has(payment))
  const twice = payments
    .filter((payment) => (charges.get(payment)?.length ?? 0) > 1)
    .map((payment) => ({ payment, times: charges.get(payment)?.length ?? 0, hands: handsAt(payment) }))
  return {
    payments: payments.length,
    deliveries: lines.filter(({ what }) => what === 'settled').length,
    outcomes,
    lost,
    twice,
    waits: hits.map((hit) => ({ hit, ...waits(hit, inHands.get(hit) ?? new Set(), charges) })),
    ok: lost.length === 0 && twice.every(({ hands }) => hands !== undefined),
  }
}

/** Outcomes of a delivery that was run; another delivery of the same payment may be put off meanwhile. */
const ofRuns = new Set(['handled', 'lease-lost', 'unrecorded', 'retried', 'dead-lettered'])

/** What a worker had begun and not settled at that moment. */
function handsOf({ worker, at }: Hit, lines: readonly Line[]): Set<string> {
  const hands = new Set<string>()
  for (const line of lines) {
    if (line.worker !== worker || line.at > at) continue
    if (line.what === 'began') hands.add(line.payment)
    if (line.what === 'settled' && ofRuns.has(line.outcome ?? '')) hands.delete(line.payment)
  }
  return hands
}

function waits({ worker, at }: Hit, hands: ReadonlySet<string>, charges: ReadonlyMap<string, readonly Line[]>) {
  const waited: number[] = []
  for (const payment of hands) {
    const all = charges.get(payment) ?? []
    if (all.some((line) => line.worker === worker && line.at <= at)) continue
    const first = all.find((line) => line.worker !== worker)
    if (first) waited.push(first.at - at)
  }
  waited.sort((a, b) => a - b)
  return { payments: hands.size, longestMs: waited.at(-1) ?? 0, medianMs: waited[Math.floor(waited.length / 2)] ?? 0 }
}
