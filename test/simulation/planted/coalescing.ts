import type { PlantedBug } from '../edits.js'

const file = 'src/coalescing.ts'

export const coalescingBugs: readonly PlantedBug[] = [
  {
    name: 'answers-given-to-their-neighbours',
    why: 'A row that is missing from an answer moves all the others: each caller is told what became of the call after its own.',
    edits: [{ file, find: 'answers[index] as Answer', replace: 'answers[(index + 1) % answers.length] as Answer' }],
  },
  {
    name: 'one-answer-for-all',
    why: 'The first answer of a batch is taken for the answer to each of its calls: one refusal refuses all, and one success hides a refusal.',
    edits: [{ file, find: 'answers[index] as Answer', replace: 'answers[index < 0 ? index : 0] as Answer' }],
  },
  {
    name: 'failed-batch-taken-for-done',
    why: 'A batch that was refused, or whose answer was lost, is told as done to all who were part of it.',
    edits: [
      { file, find: 'first?.reject(error)', replace: 'first?.resolve(true as Value)' },
      {
        file,
        find: 'for (const { reject } of aboard) reject(errorOfItsOwn(error))',
        replace: 'for (const { reject, resolve } of aboard) errorOfItsOwn(error).message ? resolve(true as Value) : reject(error)',
      },
    ],
  },
  {
    name: 'late-flight-counted-for-ever',
    why: 'Two requests that are never answered, on connections that hang, keep all later ones waiting until the process is begun anew.',
    edits: [{ file, find: 'if (now - leftAt < lateMs) inTime += 1', replace: 'if (now - leftAt < lateMs * 1e9) inTime += 1' }],
  },
  {
    name: 'leaves-only-once',
    why: 'What gathers while others leave waits for somebody who has left already: nothing is asked of the store any more.',
    edits: [{ file, find: 'leaving = false\n    for', replace: 'leaving = flights.size > 0\n    for' }],
  },
]
