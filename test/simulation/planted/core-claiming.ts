import type { Edit, PlantedBug } from '../edits.js'

const claiming = 'src/claiming.ts'
const settle = 'src/settle.ts'

/** A fault of the store ends the claiming at once, and what is made of it comes instead of `then`. */
const whenTheStoreFails = (then: string): readonly Edit[] => [
  { file: settle, find: "...(core.whenStoreFails === 'run' && { forMs: 0 })", replace: 'forMs: 0' },
  {
    file: settle,
    find: "return core.whenStoreFails === 'run' && !delivery.signal.aborted ? run() : { what: 'not-started' }",
    replace: `return delivery.signal.aborted ? { what: 'not-started' } : core.whenStoreFails === 'run' ? run() : ${then}`,
  },
]

export const claimingBugs: readonly PlantedBug[] = [
  {
    name: 'fault-read-as-duplicate',
    why: 'While the store is away messages are acked away as duplicates, unhandled, and lost.',
    edits: whenTheStoreFails("{ what: 'consumed' }"),
  },
  {
    name: 'fault-read-as-claimed',
    why: 'While the store is away everything runs unclaimed, side by side (RocketMQDedupListener on JDBC).',
    edits: whenTheStoreFails('run()'),
  },
  {
    name: 'fault-swallowed',
    why: 'A message whose claim met a fault is neither handled nor given back, and lies there until the process ends.',
    edits: whenTheStoreFails("{ what: 'not-started' }"),
  },
  {
    name: 'fresh-nonce-for-every-try',
    why: 'After a lost answer a worker is locked out by its own claim, and a lapse is counted that never was.',
    edits: [
      {
        file: claiming,
        find: 'store.claim(record, { nonce, leaseMs',
        replace: 'store.claim(record, { nonce: runtime.random.nonce(), leaseMs',
      },
    ],
  },
  {
    name: 'late-claim-kept',
    why: 'A claim whose answer came after its worker had given up blocks the key for a lease, and then counts as a lapse.',
    edits: [
      {
        file: claiming,
        find: 'void giveBack(core, claim, { attempts: claim.attempts, lapses: claim.lapses, restMs: 0 }, { forMs: core.leaseMs })',
        replace: '',
      },
    ],
  },
  {
    name: 'stale-claim-believed',
    why: 'A process that was stopped while its claim was answered starts the handler although the lease may be over.',
    edits: [
      {
        file: claiming,
        find: "if (runtime.clock.now() - sentAt > core.storeTimeoutMs)\n        throw new StoreAwayError('The answer to a claim was read too late to be relied on')\n",
        replace: '',
      },
    ],
  },
  {
    name: 'complete-tried-once',
    why: 'One lost answer, and the work that was done is not recorded: a duplicate does it again.',
    edits: [{ file: claiming, find: 'forMs: core.recordTimeoutMs', replace: 'forMs: 0' }],
  },
  {
    name: 'release-tried-once',
    why: 'A release that meets an outage is given up: the claim lapses, and a mere failure counts as a death of the process.',
    edits: [
      {
        file: claiming,
        find: 'core.store.release(claim, remember)), options)',
        replace: 'core.store.release(claim, remember)), { ...options, forMs: 0 })',
      },
    ],
  },
  {
    name: 'once-keeps-its-claim',
    why: 'A call that failed leaves its key claimed: whoever calls again is told busy for a lease, and a lapse is counted.',
    edits: [
      { file: 'src/once.ts', find: 'await giveBack(core, claim, remember, { forMs: core.recordTimeoutMs })', replace: 'void remember' },
    ],
  },
]
