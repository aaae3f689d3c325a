import type { PlantedBug } from '../edits.js'

/** Bugs that were ours, and that the simulator has found: put back, it has to find them again. */
export const ownBugs: readonly PlantedBug[] = [
  {
    name: 'given-up-transaction-keeps-its-claim',
    from: 27_100,
    why: 'A claim whose transactions never came through is kept until it lapses: others wait for the lease, and after some of them the message is set aside.',
    edits: [
      {
        file: 'src/decide.ts',
        find: 'return { release, settle: putOff(counts, Math.max(1, happened.retryInMs), true), outcome',
        replace: 'return { settle: putOff(counts, Math.max(1, happened.retryInMs), true), outcome',
      },
      {
        file: 'src/decide.ts',
        find: 'return { release, ...again(happened.retryInMs, attempts) }',
        replace: 'return release && again(happened.retryInMs, attempts)',
      },
    ],
  },
  {
    name: 'refused-commit-again-and-again',
    why: 'A commit that the database refuses each time is taken for an outage: the handler is run again for ever, uncounted.',
    edits: [
      {
        file: 'src/inbox.ts',
        find: "if (run?.how === 'returned' && !conflict && !unknown) return",
        replace: 'if (call.attempt < 0) return',
      },
    ],
  },
  {
    name: 'dead-letter-given-up-keeps-its-claim',
    why: 'A stop that gives up publishing a dead letter leaves the claim to lapse, and others wait for the lease.',
    edits: [
      {
        file: 'src/settle.ts',
        find: 'if (!(await publish(job, () => delivery.deadLetter(reason, marked)))) return leave()',
        replace: 'if (!(await publish(job, () => delivery.deadLetter(reason, marked)))) return leaveUnsettled(job)',
      },
    ],
  },
]
