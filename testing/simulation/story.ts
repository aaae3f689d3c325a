import { recordOf } from './workers/handler.js'
import { properties } from './properties.js'
import { headOf } from './story/head.js'
import { openKnowledge } from './story/knowledge.js'
import { passagesOf } from './story/passages.js'
import { keyName, seconds, times } from './story/words.js'
import type { History, Violation } from './history.js'

export interface StoryOptions {
  /** Tells only what this key went through, and what befell workers and servers. @default undefined: tells of all keys */
  readonly about?: string | undefined
}

/** The lines of a history for a person to read: from what it was made, who did what and when, what should not have happened, and what may happen twice. */
export function tellStory({ plan, happenings, violations, twice }: History, { about }: StoryOptions = {}): readonly string[] {
  const keys = new Map(plan.messages.map(({ key }) => [recordOf(key), key]))
  const known = openKnowledge(plan, happenings, keys)
  const passages = passagesOf(happenings, known, about)
  const width = Math.max(...passages.map(({ who }) => who.length), 0)
  const line = (atMs: number, who: string, did: string): string => `${seconds(atMs).padStart(9)}  ${who.padEnd(width)}  ${did}`

  const violated = violations
    .toSorted((one, other) => one.atMs - other.atMs)
    .map(({ property, message, atMs }): Violation => ({ property, message: known.readable(message), atMs }))
  const told = passages.flatMap(({ fromMs, who, did }, index) => {
    const sinceMs = index === 0 ? Number.NEGATIVE_INFINITY : fromMs
    const untilMs = passages[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY
    const here = violated.filter(({ atMs }) => atMs >= sinceMs && atMs < untilMs)
    const marked = here.map(({ atMs, property, message }) => line(atMs, '!'.repeat(width), `VIOLATED: ${property}: ${message}`))
    return [line(fromMs, who, did.join('; ')), ...marked]
  })
  return [...headOf(plan, about), '', ...told, '', ...violatedOf(violated), twiceOf(twice)]
}

/** Enough to know what kind of thing it is. */
const mostOfOneKind = 3

/** What was violated, each property with what it says. */
function violatedOf(violations: readonly Violation[]): readonly string[] {
  if (violations.length === 0) return ['Nothing was violated.']
  return [...new Set(violations.map(({ property }) => property))].flatMap((name) => {
    const sentence = properties.find((property) => property.name === name)?.sentence
    const found = violations.filter(({ property }) => property === name)
    const more = found.length - mostOfOneKind
    return [
      `VIOLATED: ${name}${sentence === undefined ? '' : `: ${sentence}`}`,
      ...found.slice(0, mostOfOneKind).map(({ atMs, message }) => `${seconds(atMs).padStart(9)}  ${message}`),
      ...(more > 0 ? [`           and ${more} more`] : []),
    ]
  })
}

function twiceOf(twice: History['twice']): string {
  if (twice.length === 0) return 'Nothing took effect twice.'
  const each = twice.map(({ key, reason }) => `${keyName(key)} (${reason})`)
  const counted = [...new Set(each)].map((one) => {
    const number = each.filter((other) => other === one).length
    return number === 1 ? one : `${one} ${times(number)}`
  })
  return `Took effect again: ${counted.join('; ')}.`
}
