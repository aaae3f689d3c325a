/** Judges a run. Shares no code with the library. */
import { excuseOf, mayBeginLate } from './excuses.js'
import { runsOf } from './runs.js'
import type { Line } from '../ledger.js'
import type { Doubled, Verdict, VerdictLine } from '../report/result.js'
import type { Book } from './book.js'
import type { Circumstances } from './excuses.js'
import type { Run } from './runs.js'

export interface Evidence {
  readonly mode: 'lease' | 'inbox'
  readonly messages: number
  readonly isPoison: (message: number) => boolean
  readonly book: Book
  /** All lines of these messages. */
  linesOf(messages: ReadonlySet<number>): readonly Line[]
  readonly circumstances: Circumstances
  /** The dead letters that the broker holds. */
  readonly deadLetters: readonly { readonly message: number; readonly reason: string }[]
  readonly leftOnBroker: number
  readonly crashes: readonly string[]
  /** Workers that did not stop in time when they were told to. */
  readonly hung: readonly string[]
}

/** A dead letter that a good message may end as: its process died again and again while it was in its hands. */
const killedTooOften = /its lease ended \d+ times/

export function judge(evidence: Evidence): Verdict {
  const { mode, messages, isPoison, book, circumstances, deadLetters, leftOnBroker, crashes, hung } = evidence
  const numbers = Array.from({ length: messages }, (_, message) => message).filter((message) => book.confirmedMs(message) !== undefined)
  const setAside = new Map(deadLetters.map(({ message, reason }) => [message, reason]))
  const poisoned = numbers.filter(isPoison)
  const good = numbers.filter((message) => !isPoison(message))

  const lost = good.filter((message) => book.times(message) === 0 && !setAside.has(message))
  const often = good.filter((message) => book.times(message) > 1)
  const afterwards = good.filter((message) => book.beganAfterwards(message))
  const runs = byMessage(runsOf(evidence.linesOf(new Set([...often, ...afterwards]))))
  const doubled = often.map((message) => doubledOf(message, mode, book, runs.get(message) ?? [], circumstances))
  const unexplained = doubled.filter(({ allowedBy }) => allowedBy === undefined)
  const ranAgain = afterwards.filter((message) => !mayRunAgain(runs.get(message) ?? [], circumstances))

  const missing = poisoned.filter((message) => !setAside.has(message))
  const effective = poisoned.filter((message) => book.times(message) > 0)
  const wrongly = good.filter((message) => setAside.has(message) && !killedTooOften.test(setAside.get(message) ?? ''))
  const tooOften = good.filter((message) => setAside.has(message) && killedTooOften.test(setAside.get(message) ?? ''))
  const unknown = deadLetters.filter(({ message }) => !Number.isInteger(message) || message >= messages)

  const line = (what: string, count: number, detail = ''): VerdictLine => ({ what, count, detail, isWrong: false })
  const wrong = (what: string, count: number, detail = ''): VerdictLine => ({ what, count, detail, isWrong: count > 0 })
  const few = (list: readonly (number | string)[]): string => `${list.slice(0, 10).join(', ')}${list.length > 10 ? ', ...' : ''}`
  const lines = [
    line(
      'messages',
      numbers.length,
      `sent ${book.sent.toLocaleString('en')} times, ${share(book.sent - numbers.length, book.sent)} of them duplicates`,
    ),
    line('effects', book.effects),
    wrong('lost', lost.length, few(lost)),
    mode === 'inbox'
      ? wrong('done more than once', doubled.length, few(often))
      : line('done more than once, as the guarantee allows', doubled.length - unexplained.length),
    ...(mode === 'inbox'
      ? []
      : [wrong('done more than once, UNEXPLAINED', unexplained.length, few(unexplained.map(({ message }) => message)))]),
    wrong('run again after it was recorded', ranAgain.length, few(ranAgain)),
    line('dead letters, as they should be', poisoned.length - missing.length, `${poisoned.length} messages fail for ever`),
    wrong('failing for ever, and not among the dead letters', missing.length, few(missing)),
    wrong('failing for ever, and yet with an effect', effective.length, few(effective)),
    line('set aside because their process was killed too often', tooOften.length, few(tooOften)),
    wrong(
      'set aside, though they are good',
      wrongly.length,
      wrongly
        .slice(0, 3)
        .map((message) => `${message}: ${setAside.get(message)}`)
        .join('; '),
    ),
    wrong('dead letters of no message', unknown.length),
    wrong('left on the broker', leftOnBroker),
    wrong('workers crashed', crashes.length, crashes.join('; ').slice(0, 400)),
    wrong('workers that did not stop in time', hung.length, hung.join('; ')),
    ...Object.entries(book.troubles).map(([kind, count]) => line(`told: ${kind}`, count)),
  ]
  return { isOk: lines.every(({ isWrong }) => !isWrong), lines, doubled }
}

function share(part: number, whole: number): string {
  return whole === 0 ? 'none' : `${Math.round((part / whole) * 100)} %`
}

function byMessage(runs: readonly Run[]): Map<number, Run[]> {
  const sorted = new Map<number, Run[]>()
  for (const run of runs) sorted.set(run.message, [...(sorted.get(run.message) ?? []), run])
  return sorted
}

/** One run may be without an excuse: it is the one that was meant to be. */
function doubledOf(message: number, mode: string, book: Book, runs: readonly Run[], circumstances: Circumstances): Doubled {
  const effective = runs.filter(({ effectMs }) => effectMs !== undefined).sort((one, other) => one.beganMs - other.beganMs)
  const excuses = effective.map((run) => excuseOf(run, circumstances))
  const without = excuses.filter((excuse) => excuse === undefined).length
  const isAllowed = mode === 'lease' && effective.length === book.times(message) && without <= 1
  return {
    message: String(message),
    times: book.times(message),
    runs: effective.map((run, index) => {
      const end = run.told ? `${run.told.outcome} at ${seconds(run.told.atMs)}` : 'nothing was told of it'
      return `${run.worker} from ${seconds(run.beganMs)}, effect at ${seconds(run.effectMs ?? 0)}, ${end}${excuses[index] ? ` (${excuses[index]})` : ''}`
    }),
    allowedBy: isAllowed ? [...new Set(excuses.filter((excuse) => excuse !== undefined))].join('; ') : undefined,
  }
}

/** A run that began after the record was made is one too many, unless its worker stalled between its claim and its run. */
function mayRunAgain(runs: readonly Run[], circumstances: Circumstances): boolean {
  const handledMs = Math.min(...runs.map(({ told }) => (told?.outcome === 'handled' ? told.atMs : Number.POSITIVE_INFINITY)))
  return runs.filter(({ beganMs }) => beganMs > handledMs).every((run) => mayBeginLate(run, circumstances))
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
