/** What a run of faults comes to: plain data, for the terminal, the page and a file. All times are milliseconds since the servers were ready; the load begins when the workers are. */
export interface Result {
  /** Such as `redis, kafka, lease`. */
  readonly title: string
  /** The command that repeats it. */
  readonly command: string
  /** When the workers were hired, as an ISO date. */
  readonly beganAt: string
  /** Until the last worker had stopped. */
  readonly lengthMs: number
  /** When the last message was sent and the last fault was over. What follows is the time that was needed to get done. */
  readonly loadMs: number
  readonly workers: number
  readonly seconds: readonly Second[]
  readonly faults: readonly FaultSpan[]
  /** Lines about what the run was like, beside the counts of the verdict. */
  readonly verdict: Verdict
  readonly latencies: readonly Latency[]
  /** Empty unless they were asked for. */
  readonly samples: readonly Sample[]
}

/** What happened in one second. */
export interface Second {
  /** Which second, from 0. */
  readonly second: number
  /** Messages that the broker (or, for an outbox, the database) has confirmed to the load driver. */
  readonly sent: number
  /** Effects, those done twice included; for an outbox, what arrived for the first time. */
  readonly effects: number
  /** Messages sent by the end of this second whose effect was still to come. */
  readonly behind: number
  /** How often each outcome was told by a worker: `handled`, `duplicate`, `postponed`, ... */
  readonly outcomes: Readonly<Record<string, number>>
  /** From the confirm of the message to its first effect, of the effects of this second; undefined when it had none. */
  readonly medianMs: number | undefined
  readonly p99Ms: number | undefined
}

export interface FaultSpan {
  /** As for `--nemesis`, such as `store-kill`. */
  readonly name: string
  /** A few words, such as `worker-3 stalled for 8.0 s`. */
  readonly detail: string
  readonly fromMs: number
  /** When it was over, and the next one could come. */
  readonly toMs: number
  /** From the end of the fault until the next effect; undefined when there was none. */
  readonly firstEffectMs: number | undefined
  /** From the end of the fault until everything that was sent before its end had had its effect; undefined when that never was. */
  readonly caughtUpMs: number | undefined
}

export interface Verdict {
  /** Nothing lost, nothing doubled without a guarantee that allows it, nothing set aside that should not be, nothing left over. */
  readonly isOk: boolean
  /** One line per count, in the order in which they are to be read. A line that is wrong is marked. */
  readonly lines: readonly VerdictLine[]
  /** Everything that was done more than once. */
  readonly doubled: readonly Doubled[]
}

export interface VerdictLine {
  /** Such as `lost`. */
  readonly what: string
  readonly count: number
  /** More in words, such as the first few of them. */
  readonly detail: string
  readonly isWrong: boolean
}

export interface Doubled {
  readonly message: string
  readonly times: number
  /** Who did it, when, and what became of that run, such as `worker-2 at 12.3 s, killed before it could record it`. */
  readonly runs: readonly string[]
  /** The sentence of the guarantee that allows it; undefined when none does. */
  readonly allowedBy: string | undefined
}

/** A histogram, told by its percentiles. */
export interface Latency {
  /** Such as `sent to effect` or `duplicate`. */
  readonly what: string
  readonly count: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly mostMs: number
}

/** How a worker was, at one moment. */
export interface Sample {
  readonly atMs: number
  readonly worker: string
  /** After a garbage collection. */
  readonly heapBytes: number
  readonly rssBytes: number
  readonly timers: number
  readonly connections: number
  readonly listeners: number
  /** Records in the store, told by the store; the same for all workers of one moment. */
  readonly records: number
}
