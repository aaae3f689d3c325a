/** What is known of every message of a run, and how much happened when. It knows numbers and times only. */
import { build } from 'hdr-histogram-js'
import type { Histogram } from 'hdr-histogram-js'
import type { Line } from '../ledger.js'
import type { Latency, Second } from '../report/result.js'

export interface Book {
  /** The broker has confirmed this message, again or for the first time. */
  confirmed(message: number, atMs: number): void
  /** An effect, again or for the first time. */
  effect(message: number, atMs: number): void
  /** A line of a worker, other than an effect. */
  line(line: Line): void
  /** It has had its effect, or a worker has told so, or that it was set aside. */
  isDone(message: number): boolean
  readonly sent: number
  readonly effects: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly troubles: Readonly<Record<string, number>>
  times(message: number): number
  /** Undefined when it has had none. */
  firstEffectMs(message: number): number | undefined
  confirmedMs(message: number): number | undefined
  /** Whether a run of it began after another one had been told as handled. */
  beganAfterwards(message: number): boolean
  /** Messages whose number is not to be counted as waiting: they fail for ever. */
  seconds(isPoison: (message: number) => boolean): Second[]
  latencies(): Latency[]
  /** When there was an effect, in order. */
  effectTimes(): readonly number[]
}

const none = -1

export function openBook(): Book {
  const confirmedAt: number[] = []
  const effectAt: number[] = []
  const times: number[] = []
  const handledAt: number[] = []
  const beganAt: number[] = []
  const done = new Set<number>()
  const counts: { sent: number; effects: number; latencies: number[]; outcomes: Record<string, number> }[] = []
  const outcomes: Record<string, number> = {}
  const troubles: Record<string, number> = {}
  const took = new Map<string, Histogram>()
  const all: number[] = []
  let sent = 0
  let effects = 0

  const secondOf = (atMs: number) => {
    const second = Math.max(0, Math.floor(atMs / 1_000))
    while (counts.length <= second) counts.push({ sent: 0, effects: 0, latencies: [], outcomes: {} })
    return counts[second] as (typeof counts)[number]
  }
  const at = (list: readonly number[], message: number): number | undefined => {
    const found = list[message]
    return found === undefined || found === none ? undefined : found
  }
  const set = (list: number[], message: number, value: number): void => {
    while (list.length < message) list.push(none)
    list[message] = value
  }
  const observe = (what: string, ms: number): void => {
    let histogram = took.get(what)
    if (!histogram) took.set(what, (histogram = build({ highestTrackableValue: 36_000_000, numberOfSignificantValueDigits: 3 })))
    // In tenths of a millisecond: it takes whole numbers.
    histogram.recordValue(Math.max(1, Math.round(ms * 10)))
  }

  return {
    confirmed(message, atMs) {
      if (at(confirmedAt, message) === undefined) set(confirmedAt, message, atMs)
      secondOf(atMs).sent += 1
      sent += 1
    },
    effect(message, atMs) {
      const before = at(effectAt, message)
      if (before === undefined || atMs < before) set(effectAt, message, atMs)
      set(times, message, (at(times, message) ?? 0) + 1)
      secondOf(atMs).effects += 1
      effects += 1
      all.push(atMs)
      done.add(message)
    },
    line({ atMs, what, message, more }) {
      if (what === 't') {
        const [kind = ''] = more.split(' ', 1)
        troubles[kind] = (troubles[kind] ?? 0) + 1
      } else if (what === 'b') {
        if (atMs > (at(beganAt, message) ?? none)) set(beganAt, message, atMs)
      } else if (what === 'o') {
        const [status = '', ms = ''] = more.split(' ', 2)
        outcomes[status] = (outcomes[status] ?? 0) + 1
        const second = secondOf(atMs)
        second.outcomes[status] = (second.outcomes[status] ?? 0) + 1
        observe(status, Number(ms))
        if (status === 'handled' && atMs < (at(handledAt, message) ?? Number.POSITIVE_INFINITY)) set(handledAt, message, atMs)
        if (['handled', 'duplicate', 'dead-lettered', 'lease-lost', 'unrecorded'].includes(status)) done.add(message)
      }
    },
    isDone: (message) => done.has(message),
    get sent() {
      return sent
    },
    get effects() {
      return effects
    },
    outcomes,
    troubles,
    times: (message) => at(times, message) ?? 0,
    firstEffectMs: (message) => at(effectAt, message),
    confirmedMs: (message) => at(confirmedAt, message),
    beganAfterwards(message) {
      const handled = at(handledAt, message)
      return handled !== undefined && (at(beganAt, message) ?? none) > handled
    },
    seconds(isPoison) {
      const [came, went] = [new Map<number, number>(), new Map<number, number>()]
      const add = (to: Map<number, number>, atMs: number): void => {
        const second = Math.max(0, Math.floor(atMs / 1_000))
        to.set(second, (to.get(second) ?? 0) + 1)
      }
      for (const message of confirmedAt.keys()) {
        const confirmed = at(confirmedAt, message)
        if (confirmed === undefined || isPoison(message)) continue
        add(came, confirmed)
        const effected = at(effectAt, message)
        if (effected === undefined) continue
        // The effect may come before the confirm does.
        add(went, Math.max(effected, confirmed))
        secondOf(effected).latencies.push(Math.max(0, effected - confirmed))
        observe('sent to effect', Math.max(0, effected - confirmed))
      }
      let behind = 0
      return counts.map(({ sent: sentThen, effects: effectsThen, latencies, outcomes: told }, second) => {
        behind += (came.get(second) ?? 0) - (went.get(second) ?? 0)
        latencies.sort((one, other) => one - other)
        const percentile = (share: number): number | undefined => latencies[Math.floor((latencies.length - 1) * share)]
        return { second, sent: sentThen, effects: effectsThen, behind, outcomes: told, medianMs: percentile(0.5), p99Ms: percentile(0.99) }
      })
    },
    latencies: () =>
      [...took]
        .sort(([one], [other]) => (one === 'sent to effect' ? -1 : other === 'sent to effect' ? 1 : one.localeCompare(other)))
        .map(([what, histogram]) => {
          const ms = (share: number): number => histogram.getValueAtPercentile(share) / 10
          return {
            what,
            count: histogram.totalCount,
            p50Ms: ms(50),
            p90Ms: ms(90),
            p99Ms: ms(99),
            p999Ms: ms(99.9),
            mostMs: histogram.maxValue / 10,
          }
        }),
    effectTimes: () => all.sort((one, other) => one - other),
  }
}
