import type { PlantedBug } from '../edits.js'

const gate = 'src/gate.ts'
const turn = 'src/turn.ts'
const endTwin = "endTwin(happened.what === 'returned' && happened.recorded === 'yes')"

export const sharingBugs: readonly PlantedBug[] = [
  {
    name: 'twin-waits-for-ever',
    why: 'When a handler fails, the messages of its key that wait in the same process wait until that ends.',
    edits: [
      { file: 'src/settle.ts', find: 'within(core.runtime.clock, core.leaseMs, core', replace: 'within(core.runtime.clock, 1e12, core' },
      { file: 'src/idempotent.ts', find: endTwin, replace: `if (happened.what !== 'threw') ${endTwin}` },
    ],
  },
  {
    name: 'twin-acks-regardless',
    why: 'A message is acked as a duplicate although what its twin did was not recorded.',
    edits: [{ file: 'src/idempotent.ts', find: endTwin, replace: "endTwin(happened.what === 'returned')" }],
  },
  {
    name: 'twin-of-a-failure-acks',
    why: 'A message is acked as a duplicate of one that has failed.',
    edits: [{ file: 'src/idempotent.ts', find: endTwin, replace: "endTwin(happened.what === 'returned' || happened.what === 'threw')" }],
  },
  {
    name: 'suspects-run-together',
    why: 'Messages that may kill run side by side: the harmless ones die with the culprit, and are set aside as well.',
    edits: [{ file: turn, find: 'if (kind === turn.kind) return true\n', replace: 'return true\n' }],
  },
  {
    name: 'gate-lets-all-in',
    why: 'Suspects run beside each other and beside everything else.',
    edits: [{ file: gate, find: 'if (!free(kind)) return undefined\n', replace: '' }],
  },
  {
    name: 'aloneness-ignored',
    why: 'However often a message has killed, it goes on taking down ordinary ones with it.',
    edits: [{ file: turn, find: "return lapses < aloneFromLapses ? 'suspect' : 'alone'", replace: "return 'suspect'" }],
  },
  {
    name: 'alone-beside-ordinary',
    why: 'What is to run alone starts while ordinary handlers still run, and takes them down.',
    edits: [{ file: gate, find: 'return inside.ordinary + inside.suspect === 0', replace: 'return inside.suspect === 0' }],
  },
  {
    name: 'ordinary-beside-alone',
    why: 'Ordinary handlers start while one that is to run alone does, and die with it.',
    edits: [
      { file: gate, find: 'if (inside.alone > 0) return false', replace: "if (inside.alone > 0 && kind !== 'ordinary') return false" },
    ],
  },
  {
    name: 'alone-starves',
    from: 2_200,
    why: 'While others keep coming, what is to run alone never has its turn.',
    edits: [{ file: gate, find: 'return aloneWaiting === 0 && (', replace: 'return (' }],
  },
  {
    name: 'gate-never-left',
    why: 'After the first run nothing that is to run alone ever does, and nothing starts behind it.',
    edits: [{ file: turn, find: 'turn.leaveGate?.()\n  turn.leavePlace?.()', replace: 'turn.leavePlace?.()' }],
  },
  {
    name: 'places-unbounded',
    why: 'More handlers run at once than were asked for.',
    edits: [{ file: 'src/places.ts', find: 'if (taken >= count) return undefined\n', replace: '' }],
  },
  {
    name: 'place-never-given-back',
    why: 'After as many runs as there are places nothing is handled any more.',
    edits: [{ file: turn, find: 'turn.leaveGate?.()\n  turn.leavePlace?.()', replace: 'turn.leaveGate?.()' }],
  },
]
