import type { PlantedBug } from '../edits.js'

const decide = 'src/decide.ts'
const job = 'src/job.ts'

export const decidingBugs: readonly PlantedBug[] = [
  {
    name: 'postponement-counts-as-attempt',
    why: 'Waiting for a busy key uses up the attempts: a long handler pushes its own duplicate into the dead letters (laravel).',
    edits: [
      {
        file: decide,
        find: 'delayMs, attempts, postponements: postponements + 1',
        replace: 'delayMs, attempts: attempts + 1, postponements: postponements + 1',
      },
    ],
  },
  {
    name: 'busy-dead-letters',
    why: 'A message is set aside because its key was busy some times (RocketMQDedupListener, laravel).',
    edits: [
      {
        file: decide,
        find: 'if (waitsForBusy) return { release, ...again(happened.retryInMs, attempts) }',
        replace:
          "if (counts.postponements >= policy.maxAttempts) return deadLetter('busy for too long', attempts)\n      if (waitsForBusy) return { release, ...again(happened.retryInMs, attempts) }",
      },
    ],
  },
  {
    name: 'back-off-outrun-by-copies',
    why: 'A failed key does not rest, so another copy runs at once and uses up the attempts.',
    edits: [
      {
        file: decide,
        find: 'release: { attempts: tried, lapses, restMs: delayMs }',
        replace: 'release: { attempts: tried, lapses, restMs: 0 }',
      },
    ],
  },
  {
    name: 'handed-back-without-rest',
    why: 'At the end of the grace time the key is free at once, while the handler of the stopped process still runs.',
    edits: [{ file: decide, find: 'restMs: policy.leaseMs', replace: 'restMs: 0' }],
  },
  {
    name: 'hand-back-forgotten',
    why: 'Every deployment that interrupts a handler counts a lapse, and some of them set the message aside.',
    edits: [
      {
        file: decide,
        find: 'release: { ...uncounted(counts), restMs: policy.leaseMs }, settle: left',
        replace: 'settle: left',
      },
    ],
  },
  {
    name: 'unstarted-claim-kept',
    why: 'A stop between claim and handler leaves the key claimed by nobody for a lease, and counts a lapse.',
    edits: [
      {
        file: decide,
        find: "case 'not-started':\n      return { release: uncounted(counts),",
        replace: "case 'not-started':\n      return {",
      },
    ],
  },
  {
    name: 'stop-counts-as-attempt',
    why: 'A handler that heeds its signal at a stop has used up an attempt.',
    edits: [
      {
        file: decide,
        find: "if (happened.cut === 'stopping') return { release: uncounted(counts), settle: left, outcome: 'unsettled' }\n",
        replace: '',
      },
    ],
  },
  {
    name: 'lost-lease-counts-as-attempt',
    why: "A handler that heeds the loss of its lease has used up an attempt, although the key is another worker's.",
    edits: [
      {
        file: decide,
        find: "if (happened.cut === 'lost')\n        return { release: uncounted(counts), settle: putOff(counts, retryDelay(policy, 1), true), outcome: 'postponed' }\n",
        replace: '',
      },
    ],
  },
  {
    name: 'abandoned-run-released',
    why: 'A handler that never ends frees its key uncounted, so it hangs for ever again, one run beside the other.',
    edits: [
      {
        file: decide,
        find: "case 'abandoned':\n      return { settle",
        replace: "case 'abandoned':\n      return { release: uncounted(counts), settle",
      },
    ],
  },
  {
    name: 'killer-forgotten',
    why: 'Once a message that kills is set aside its lapses are forgotten, and its other copies kill as often again.',
    edits: [
      {
        file: decide,
        find: 'release: { attempts: 0, lapses: policy.maxLapses, restMs: 0 }',
        replace: 'release: { attempts: 0, lapses: 0, restMs: 0 }',
      },
    ],
  },
  {
    name: 'one-lapse-too-many',
    why: 'A message kills one process more than it was allowed.',
    edits: [{ file: 'src/settle.ts', find: 'claim.lapses >= core.maxLapses', replace: 'claim.lapses > core.maxLapses' }],
  },
  {
    name: 'one-attempt-too-many',
    why: 'A message fails once more than it was allowed.',
    edits: [{ file: decide, find: 'tried >= policy.maxAttempts', replace: 'tried > policy.maxAttempts' }],
  },
  {
    name: 'asked-dead-letter-ignored',
    why: 'A handler that asks for the dead letters is run again and again.',
    edits: [
      {
        file: decide,
        find: "if (hasCode(error, 'dead-letter')) return",
        replace: "if (hasCode(error, 'dead-letter') && tried >= policy.maxAttempts) return",
      },
    ],
  },
  {
    name: 'dead-letter-remembers-attempts',
    why: 'After a dead letter the next message of the key has no attempts left, and is set aside at its first failure.',
    edits: [
      {
        file: decide,
        find: 'const forgotten: Remember = { attempts: 0, lapses: 0, restMs: 0 }',
        replace: 'const forgotten: Remember = { attempts: tried, lapses, restMs: 0 }',
      },
    ],
  },
  {
    name: 'replay-mark-never-clears',
    why: 'A replayed message that kills has its lapses forgotten at each redelivery, and kills for ever.',
    edits: [
      {
        file: decide,
        find: 'attempts: 0, postponements: counts.postponements, replay: false',
        replace: 'attempts: 0, postponements: counts.postponements, replay: true',
      },
    ],
  },
  {
    name: 'replay-without-a-budget',
    why: 'A dead letter that somebody has delivered again is set aside again at once, as its record still remembers.',
    edits: [
      {
        file: 'src/settle.ts',
        find: "if (delivery.replay && (claim.attempts > 0 || claim.lapses > 0)) return { what: 'replay' }\n",
        replace: '',
      },
    ],
  },
  {
    name: 'lease-lost-runs-again',
    why: 'Work that was done is put off and done again, as a newer claim exists.',
    edits: [
      {
        file: decide,
        find: "case 'returned':\n",
        replace:
          "case 'returned':\n      if (happened.recorded === 'superseded') return { settle: putOff(counts, retryDelay(policy, 1), true), outcome: 'postponed' }\n",
      },
    ],
  },
  {
    name: 'unrecorded-runs-again',
    why: 'Work that was done and could not be recorded is put off and done again.',
    edits: [
      {
        file: decide,
        find: "return { settle: acked, outcome: 'unrecorded', error: happened.error }",
        replace: "return { settle: putOff(counts, retryDelay(policy, 1), false), outcome: 'unrecorded', error: happened.error }",
      },
    ],
  },
  {
    name: 'attempts-from-header-only',
    why: 'Each copy of a message has attempts of its own, and a redelivered original none that it remembers.',
    edits: [{ file: job, find: 'attempts: Math.max(attempts, lease?.claim.attempts ?? 0)', replace: 'attempts' }],
  },
  {
    name: 'attempts-from-record-only',
    why: 'What failed without a claim, as in an inbox, or before the store forgot, is not counted.',
    edits: [
      { file: job, find: 'attempts: Math.max(attempts, lease?.claim.attempts ?? 0)', replace: 'attempts: lease?.claim.attempts ?? 0' },
    ],
  },
  {
    name: 'failures-in-place-uncounted',
    why: 'A message that waits in place forgets that it failed, and is tried for ever where nothing was claimed.',
    edits: [{ file: job, find: 'job.attempts = again.attempts\n', replace: '' }],
  },
]
