import { sentenceOf } from './sentences.js'
import { seconds, times } from './words.js'
import type { Happening } from '../chronicle.js'
import type { Knowledge } from './knowledge.js'

/** What somebody did, in a short while and about one key: one line of the story. */
export interface Passage {
  readonly fromMs: number
  readonly who: string
  /** Undefined: it befell a worker or a server. */
  readonly key: string | undefined
  readonly did: readonly string[]
}

interface Told extends Passage {
  /** Whether a new line begins here. */
  readonly begins: boolean
}

const shortWhileMs = 100
const longestLine = 110

/** All that is worth telling, or only what `about` went through, and what befell workers and servers. */
export function passagesOf(happenings: readonly Happening[], known: Knowledge, about: string | undefined): readonly Passage[] {
  const passages: Passage[] = []
  for (const passage of withRepetitionsMerged(happenings, known)) {
    if (about !== undefined && passage.key !== undefined && passage.key !== about) continue
    const last = passages.at(-1)
    if (last && goesOn(last, passage)) passages[passages.length - 1] = { ...last, did: [...last.did, ...passage.did] }
    else passages.push(passage)
  }
  return passages
}

function goesOn(last: Passage, next: Told): boolean {
  const same = !next.begins && next.key !== undefined && last.key === next.key && last.who === next.who
  return same && next.fromMs - last.fromMs < shortWhileMs && [...last.did, ...next.did].join('; ').length <= longestLine
}

/** One passage for each happening; but steps that the store takes again, with the same answer, are counted where the first of them is told. */
function withRepetitionsMerged(happenings: readonly Happening[], known: Knowledge): readonly Told[] {
  const passages: Told[] = []
  /** What may be repeated: nothing else has happened to its key since. */
  const steps = new Map<string, { readonly index: number; number: number }>()
  for (const happening of happenings) {
    const key = known.about(happening)
    const sentence = sentenceOf(happening, known)
    known.learn(happening)
    if (!sentence) continue
    const { who, did } = sentence
    const told: Told = { fromMs: happening.atMs, who, key, did: [did], begins: happening.what === 'arrived' }
    const repeated = steps.get(`${who} ${did}`)
    if (repeated) {
      repeated.number += 1
      const fromMs = passages[repeated.index]?.fromMs ?? told.fromMs
      passages[repeated.index] = { ...told, fromMs, did: [`${did}, ${times(repeated.number)} until ${seconds(happening.atMs)}`] }
      continue
    }
    for (const [step, { index }] of steps) if (key === undefined || passages[index]?.key === key) steps.delete(step)
    if (happening.what === 'store' || happening.what === 'store-threw') steps.set(`${who} ${did}`, { index: passages.length, number: 1 })
    passages.push(told)
  }
  return passages
}
