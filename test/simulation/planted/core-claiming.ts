import type { Edit, PlantedBug } from '../edits.js'

const claiming = 'src/claiming.ts'
const settle = 'src/settle.ts'

/** A fault of the store ends the claiming at once, and what is made of it comes instead of `then`. */
const whenTheStoreFails = (then: string): readonly Edit[] => [
  { file: settle, find: "forMs: core.whenStoreFails === 'run' ? 0 : undefined", replace: 'forMs: 0' },
  {
    file: settle,
    find: "return core.whenStoreFails === 'run' && !delivery.signal.aborted ? undefined : notStarted",
    replace: `return delivery.signal.aborted ? notStarted : core.whenStoreFails === 'run' ? undefined : ${then}`,
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
    edits: whenTheStoreFails('undefined'),
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
        find: 'claiming.core.store.claim(claiming.record, claiming.options)',
        replace: 'claiming.core.store.claim(claiming.record, { ...claiming.options, nonce: claiming.core.runtime.random.nonce() })',
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
        find: 'claim && core.runtime.clock.now() - claiming.sentAt > core.storeTimeoutMs',
        replace: 'claim && core.runtime.clock.now() < 0',
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
        find: '{ store: core.store, claim, remember }, options)',
        replace: '{ store: core.store, claim, remember }, { ...options, forMs: 0 })',
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
