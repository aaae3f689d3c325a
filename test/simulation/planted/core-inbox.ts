import type { PlantedBug } from '../edits.js'

const file = 'src/inbox.ts'

export const inboxBugs: readonly PlantedBug[] = [
  {
    name: 'handler-error-taken-for-fault',
    why: "The handler's own error is taken for the database's, and it is run again without end and without a count.",
    edits: [{ file, find: "const ofHandler = run?.how === 'threw' && run.error === error", replace: 'const ofHandler = false' }],
  },
  {
    name: 'commit-unknown-believed',
    why: 'A commit whose answer was lost is taken for done, although it may have been rolled back: the effect is lost.',
    edits: [
      {
        file,
        find: "if (run?.how === 'returned' && unknown) committed = { value: run.value }",
        replace:
          "if (run?.how === 'returned' && unknown) return { happened: { what: 'returned', recorded: 'yes' }, returned: { value: run.value } }",
      },
    ],
  },
  {
    name: 'abandoned-run-commits',
    why: 'The transaction of a handler that has not ended is committed, with the key recorded and the effect missing.',
    edits: [{ file, find: "if (run.how !== 'returned') throw rollBack()\n", replace: '' }],
  },
  {
    name: 'inbox-counts-no-lapses',
    why: 'A rollback forgets that a process died, so a message that kills does so for ever.',
    edits: [{ file, find: 'claimsFirst: (redelivered) => redelivered !== false', replace: 'claimsFirst: () => false' }],
  },
  {
    name: 'inbox-runs-busy-keys',
    why: 'A key that another transaction or a lease holds is handled all the same, and the effect is committed without its record.',
    edits: [{ file, find: "if (verdict !== 'claimed') throw rollBack()", replace: "if (verdict === 'duplicate') throw rollBack()" }],
  },
  {
    name: 'renews-against-itself',
    why: 'Renewals run into the own open transaction, and the store is told to be away although it is not.',
    edits: [{ file, find: 'if (call.lease) endLease(call.lease)\n', replace: '' }],
  },
  {
    name: 'conflict-counts-as-attempt',
    why: 'A transaction that gave way to another one has used up an attempt.',
    edits: [
      {
        file,
        find: 'if (conflict || unknown) reruns += 1',
        replace: "if (conflict) return { happened: { what: 'threw', error: fault.error, cut: 'no' } }\nif (unknown) reruns += 1",
      },
    ],
  },
  {
    name: 'conflicts-without-end',
    from: 2_850,
    why: 'Two handlers can keep each other from ever committing.',
    edits: [{ file, find: 'if (conflict || unknown) reruns += 1', replace: 'if (unknown) reruns += 1' }],
  },
  {
    name: 'commit-unknown-without-end',
    why: 'A transaction whose every commit gets no answer is run again for ever, uncounted.',
    edits: [{ file, find: 'if (conflict || unknown) reruns += 1', replace: 'if (conflict) reruns += 1' }],
  },
]
