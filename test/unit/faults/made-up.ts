/** Results that no run has brought about, but that look like it. */
import type { Doubled, FaultSpan, Result, Sample, Second, Verdict } from '../../faults/report/result.js'

/** One of every thing: small enough to be read. */
export const smallResult: Result = {
  title: 'redis, kafka, lease',
  command: 'npm run faults -- --store redis --broker kafka --seed 7',
  beganAt: '2026-03-01T12:00:00.000Z',
  lengthMs: 5_000,
  loadMs: 4_000,
  workers: 2,
  seconds: [0, 1, 2, 3, 4].map((second) => ({
    second,
    sent: second < 4 ? 10 : 0,
    effects: second === 2 ? 0 : 10,
    behind: second === 2 ? 10 : 0,
    outcomes: { handled: second === 2 ? 0 : 10, duplicate: 3, ...(second === 3 ? { 'lease-lost': 1 } : {}) },
    medianMs: second === 2 ? undefined : 12,
    p99Ms: second === 2 ? undefined : 340,
  })),
  faults: [
    { name: 'stall', detail: 'worker-1 stalled for 0.8 s', fromMs: 500, toMs: 1_300, firstEffectMs: 2, caughtUpMs: 40 },
    { name: 'store-kill', detail: 'redis killed, back after 1.0 s', fromMs: 2_000, toMs: 3_000, firstEffectMs: 110, caughtUpMs: undefined },
  ],
  verdict: {
    isOk: true,
    lines: [
      { what: 'sent', count: 40_000, detail: '', isWrong: false },
      { what: 'lost', count: 0, detail: '', isWrong: false },
    ],
    doubled: [
      {
        message: 'pay-3',
        times: 2,
        runs: ['worker-1 at 0.4 s, stalled past its lease', 'worker-2 at 1.1 s, handled'],
        allowedBy: 'the process stalled between the effect and its record, or right before the effect',
      },
    ],
  },
  latencies: [{ what: 'sent to effect', count: 40, p50Ms: 12, p90Ms: 40, p99Ms: 340, p999Ms: 1_200, mostMs: 1_300 }],
  samples: [],
}

/** Where something is lost, and something done twice that no guarantee allows. */
export const failedResult: Result = {
  ...smallResult,
  verdict: {
    isOk: false,
    lines: [
      { what: 'sent', count: 40_000, detail: '', isWrong: false },
      { what: 'lost', count: 2, detail: 'pay-8, pay-9', isWrong: true },
    ],
    doubled: [
      ...smallResult.verdict.doubled,
      { message: 'pay-17', times: 3, runs: ['worker-1 at 3.2 s', 'worker-2 at 3.3 s', 'worker-2 at 3.9 s'], allowedBy: undefined },
    ],
  },
}

interface Longer {
  readonly seconds: number
  readonly everyMs: number
  readonly rate?: number
  readonly isSoak?: boolean
  readonly verdict?: Partial<Verdict>
}

const kinds: readonly (readonly [name: string, ms: number, share: number])[] = [
  ['kill', 3_000, 0.7],
  ['stall', 8_000, 0.7],
  ['store-kill', 4_000, 0],
  ['redis-memory', 6_000, 0],
  ['store-slow', 9_000, 0.4],
  ['broker-stop', 7_000, 0],
  ['broker-cut', 5_000, 0],
  ['broker-slow', 10_000, 0.5],
  ['store-refuse', 6_000, 0.2],
]

const isOfWorker = (name: string): boolean => name === 'kill' || name === 'stall'

/** As long as asked for, with a fault every so often; each slows the effects down to a share of what they could be. */
export function longResult({ seconds: length, everyMs, rate = 300, isSoak = false, verdict = {} }: Longer): Result {
  let state = 7
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const faults: (FaultSpan & { readonly share: number })[] = []
  for (let atMs = 5_000; atMs < length * 1_000 - 4_000 && everyMs > 0; atMs += everyMs * (0.6 + random() * 0.8)) {
    const [name, ms, share] = kinds[Math.floor(random() * kinds.length)] ?? ['kill', 3_000, 0.7]
    const toMs = atMs + ms * (0.5 + random())
    const firstEffectMs = 20 + random() * (share === 0 ? 2_500 : 60)
    const detail = `${isOfWorker(name) ? `worker-${1 + Math.floor(random() * 3)}` : name.split('-')[0]}, for ${((toMs - atMs) / 1_000).toFixed(1)} s`
    faults.push({ name, detail, fromMs: atMs, toMs, firstEffectMs, caughtUpMs: firstEffectMs * 3 + random() * 4_000, share })
  }
  const seconds: Second[] = []
  let behind = 0
  for (let second = 0; second < length || behind > 0; second += 1) {
    const struck = faults.filter(({ fromMs, toMs }) => fromMs < (second + 1) * 1_000 && toMs > second * 1_000)
    const share = Math.min(1, ...struck.map((fault) => fault.share))
    const sent = second < length ? Math.round(rate * (0.94 + random() * 0.12)) : 0
    const effects = Math.min(behind + sent, Math.round(rate * 2 * share))
    behind += sent - effects
    const lateMs = (behind / rate) * 1_000
    const rare = (name: string, chance: number): Record<string, number> =>
      random() < chance ? { [name]: 1 + Math.floor(random() * 4) } : {}
    seconds.push({
      second,
      sent,
      effects,
      behind,
      outcomes: {
        handled: effects,
        duplicate: Math.round(effects * 0.4),
        postponed: Math.round(effects * 0.06) + (share < 1 ? Math.round(random() * 30) : 0),
        retried: Math.round(effects * 0.02),
        ...(struck.some(({ name }) => name === 'stall') ? rare('lease-lost', 0.3) : {}),
        ...(struck.some(({ name }) => name.startsWith('store')) ? rare('unrecorded', 0.1) : {}),
        ...rare('dead-lettered', 0.002),
      },
      medianMs: effects > 0 ? 6 + random() * 4 + lateMs : undefined,
      p99Ms: effects > 0 ? (45 + random() * 40 + lateMs) * (1 + random()) : undefined,
    })
  }
  const samples: Sample[] = []
  for (let atMs = 0; isSoak && atMs < length * 1_000; atMs += 30_000) {
    for (const worker of ['worker-1', 'worker-2', 'worker-3']) {
      const heapBytes = 30e6 + random() * 3e6 + (worker === 'worker-3' ? atMs * 1.5 : 0)
      const timers = 40 + Math.round(random() * 8)
      const records = Math.round(Math.min(atMs / 1_000, 3_600) * rate)
      samples.push({ atMs, worker, heapBytes, rssBytes: heapBytes * 2.4, timers, connections: 4, listeners: 61, records })
    }
  }
  const sent = seconds.reduce((sum, second) => sum + second.sent, 0)
  const guarantees = [
    'the process died between the effect and its record',
    'the record could not be made before the lease ran out: the store was away',
  ]
  const doubled: readonly Doubled[] = faults
    .filter(({ name }) => isOfWorker(name) || name === 'redis-memory')
    .map(({ name, toMs }, index) => ({
      message: `pay-${index * 71}`,
      times: 2,
      runs: [
        `worker-2 at ${(toMs / 1_000 - 2).toFixed(1)} s, ${name === 'kill' ? 'killed before it could record it' : 'stalled past its lease'}`,
        `worker-1 at ${(toMs / 1_000 + 1).toFixed(1)} s, handled`,
      ],
      allowedBy: guarantees[name === 'redis-memory' ? 1 : 0],
    }))
  return {
    ...smallResult,
    lengthMs: seconds.length * 1_000,
    loadMs: length * 1_000,
    workers: 3,
    seconds,
    faults,
    verdict: {
      isOk: true,
      lines: [
        { what: 'sent', count: sent, detail: 'of them 30 % duplicates', isWrong: false },
        { what: 'effects', count: Math.round(sent * 0.7) + doubled.length, detail: '', isWrong: false },
        { what: 'lost', count: 0, detail: '', isWrong: false },
        { what: 'done more than once', count: doubled.length, detail: 'all of them where a guarantee allows it', isWrong: false },
        { what: 'set aside', count: 12, detail: 'all of them poison', isWrong: false },
        { what: 'left over', count: 0, detail: '', isWrong: false },
      ],
      doubled,
      ...verdict,
    },
    latencies: [
      { what: 'sent to effect', count: sent, p50Ms: 8.4, p90Ms: 61, p99Ms: 4_100, p999Ms: 9_800, mostMs: 14_200 },
      { what: 'duplicate', count: Math.round(sent * 0.3), p50Ms: 1.2, p90Ms: 3.9, p99Ms: 41, p999Ms: 1_900, mostMs: 6_100 },
    ],
    samples,
  }
}
