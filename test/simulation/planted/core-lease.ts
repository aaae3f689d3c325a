import type { PlantedBug } from '../edits.js'

const lease = 'src/lease.ts'

export const leaseBugs: readonly PlantedBug[] = [
  {
    name: 'no-renewal',
    why: 'A handler that takes longer than the lease is joined by a second one (RocketMQDedupListener, Powertools).',
    edits: [{ file: lease, find: 'let nextTry = sentAt + everyMs', replace: 'let nextTry = Number.POSITIVE_INFINITY' }],
  },
  {
    name: 'renewal-counted-from-its-answer',
    why: 'The lease is believed to last longer than the store says, so the handler goes on beside its successor.',
    edits: [{ file: lease, find: 'surelyUntil = now + core.leaseMs', replace: 'surelyUntil = clock.now() + core.leaseMs * 2' }],
  },
  {
    name: 'claim-counted-from-its-answer',
    why: 'The way of the answer is added to the lease, and the handler goes on after it is over.',
    edits: [
      {
        file: 'src/claiming.ts',
        find: "return { status: 'claimed', claim: result.claim, sentAt }",
        replace: "return { status: 'claimed', claim: result.claim, sentAt: runtime.clock.now() }",
      },
    ],
  },
  {
    name: 'lost-lease-unnoticed',
    why: 'A worker that is cut off from the store is never told that its lease is over, and has its effect beside its successor.',
    edits: [
      { file: lease, find: 'let surelyUntil = sentAt + core.leaseMs', replace: 'let surelyUntil = Number.POSITIVE_INFINITY' },
      { file: lease, find: 'surelyUntil = now + core.leaseMs', replace: 'surelyUntil = Number.POSITIVE_INFINITY' },
    ],
  },
  {
    name: 'stall-unnoticed',
    why: 'A process that was stopped goes on before its timers do, and has an effect with a lease that ended long ago.',
    edits: [{ file: lease, find: 'if (renewing && !lost && clock.now() >= surelyUntil) wake()', replace: '' }],
  },
  {
    name: 'refused-renewal-unheeded',
    why: 'A worker whose renewal is refused, as the store has forgotten its claim or given it to another one, goes on as if nothing had happened.',
    forgets: true,
    edits: [{ file: lease, find: '} else if (renewing) {', replace: '} else if (false) {' }],
  },
  {
    name: 'lost-lease-released',
    why: 'A claim is given back while its handler still runs, and the lapse that should be counted is not.',
    edits: [
      { file: 'src/effect.ts', find: 'import { recordConsumed }', replace: 'import { giveBack, recordConsumed }' },
      {
        file: 'src/effect.ts',
        find: 'lease?.whenLost((error) => running.lost(error))',
        replace: `lease?.whenLost((error) => {
        running.lost(error)
        void giveBack(core, lease.claim, { attempts: lease.claim.attempts, lapses: lease.claim.lapses, restMs: 0 }, { forMs: core.leaseMs })
      })`,
      },
    ],
  },
  {
    name: 'renewal-ends-before-the-dead-letter',
    why: 'While a dead letter waits for its broker the lease runs out, another worker takes the key, and it is set aside twice or handled after all.',
    edits: [{ file: 'src/settle.ts', find: 'lease.resume()', replace: 'lease.end()' }],
  },
  {
    name: 'dead-letter-unowned',
    why: 'A worker that has lost its key sets the message aside while another one handles it.',
    edits: [
      {
        file: 'src/settle.ts',
        find: 'const ours = await askStore(core, () => lease.renew(), { signal: session.graceOver })',
        replace: 'const ours = { done: true, value: true }',
      },
      { file: 'src/settle.ts', find: 'import { askStore, claimRecord, giveBack }', replace: 'import { claimRecord, giveBack }' },
    ],
  },
]
