/** The runs of single messages, put together from the lines of their workers. */
import type { Line } from '../ledger.js'

export interface Run {
  readonly worker: string
  readonly message: number
  readonly beganMs: number
  /** Undefined when it did not get that far. */
  readonly effectMs: number | undefined
  /** What was told of it, and when; undefined when nothing was. */
  readonly told: { readonly atMs: number; readonly outcome: string } | undefined
}

/** Outcomes that end a run. `postponed` and `unsettled` may be those of a copy that came while the message was being run. */
const ofRuns = new Set(['handled', 'lease-lost', 'unrecorded', 'retried', 'dead-lettered'])

/** Lines in the order of each worker's ledger. A worker runs one delivery of a message at a time. */
export function runsOf(lines: readonly Line[]): Run[] {
  const runs: Run[] = []
  /** The place in `runs` of the last run of each worker and message. */
  const last = new Map<string, number>()
  const change = (line: Line, change: (run: Run) => Run | undefined): void => {
    const place = last.get(`${line.worker} ${line.message}`)
    const run = place === undefined ? undefined : runs[place]
    const changed = run && run.told === undefined ? change(run) : undefined
    if (place !== undefined && changed) runs[place] = changed
  }
  for (const line of lines) {
    const { worker, message, atMs, what, more } = line
    if (what === 'b') {
      last.set(`${worker} ${message}`, runs.length)
      runs.push({ worker, message, beganMs: atMs, effectMs: undefined, told: undefined })
    } else if (what === 'e') {
      change(line, (run) => ({ ...run, effectMs: atMs }))
    } else if (what === 'o') {
      const [outcome = ''] = more.split(' ', 1)
      change(line, (run) => (ofRuns.has(outcome) ? { ...run, told: { atMs, outcome } } : undefined))
    }
  }
  return runs
}
