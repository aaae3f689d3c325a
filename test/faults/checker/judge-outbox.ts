/** Judges the run of an outbox. Shares no code with the library. */
import type { Verdict, VerdictLine } from '../report/result.js'

export interface Committed {
  readonly id: string
  /** What keeps an order, and the place in it. */
  readonly entity: string
  readonly place: number
  readonly atMs: number
}

export interface OutboxEvidence {
  /** What the database says was committed. */
  readonly sent: readonly Committed[]
  /** When each message arrived first, in the order in which they did. */
  readonly arrived: ReadonlyMap<string, number>
  /** With those that came again. */
  readonly arrivals: number
  readonly left: number
  readonly setAside: number
  readonly troubles: Readonly<Record<string, number>>
  readonly crashes: readonly string[]
  readonly hung: readonly string[]
}

export function judgeOutbox({ sent, arrived, arrivals, left, setAside, troubles, crashes, hung }: OutboxEvidence): Verdict {
  const place = new Map([...arrived.keys()].map((id, index) => [id, index]))
  const known = new Set(sent.map(({ id }) => id))
  const lost = sent.filter(({ id }) => !place.has(id))
  const unknown = [...arrived.keys()].filter((id) => !known.has(id))

  const late: Committed[] = []
  const last = new Map<string, number>()
  for (const each of [...sent].sort((one, other) => one.place - other.place)) {
    const at = place.get(each.id)
    if (at === undefined) continue
    if (at < (last.get(each.entity) ?? -1)) late.push(each)
    last.set(each.entity, Math.max(at, last.get(each.entity) ?? -1))
  }

  const line = (what: string, count: number, detail = ''): VerdictLine => ({ what, count, detail, isWrong: false })
  const wrong = (what: string, count: number, detail = ''): VerdictLine => ({ what, count, detail, isWrong: count > 0 })
  const few = (list: readonly string[]): string => `${list.slice(0, 5).join(', ')}${list.length > 5 ? ', ...' : ''}`
  const lines = [
    line('messages committed', sent.length),
    line('messages arrived', arrived.size),
    line('published again', arrivals - arrived.size, 'as at least once allows: their confirm was lost, or the relay that had it'),
    wrong('lost', lost.length, few(lost.map(({ id }) => id))),
    wrong('arrived, though never committed', unknown.length, few(unknown)),
    wrong('out of the order of their key', late.length, few(late.map(({ entity, place: at }) => `${entity} ${at}`))),
    wrong('set aside', setAside),
    wrong('left in the outbox', left),
    wrong('workers crashed', crashes.length, crashes.join('; ').slice(0, 400)),
    wrong('workers that did not stop in time', hung.length, hung.join('; ')),
    ...Object.entries(troubles).map(([kind, count]) => line(`told: ${kind}`, count)),
  ]
  return { isOk: lines.every(({ isWrong }) => !isWrong), lines, doubled: [] }
}
