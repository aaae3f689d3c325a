import type { PlantedBug } from '../edits.js'

const lease = 'src/lease.ts'

export const leaseBugs: readonly PlantedBug[] = [
  {
    name: 'no-renewal',
    why: 'A handler that takes longer than the lease is joined by a second one (RocketMQDedupListener, Powertools).',
    edits: [{ file: lease, find: 'nextTry = sentAt + core.leaseMs / renewalsPerLease', replace: 'nextTry = Number.POSITIVE_INFINITY' }],
  },
  {
    name: 'renewal-counted-from-its-answer',
    why: 'The lease is believed to last longer than the store says, so the handler goes on beside its successor.',
    edits: [
      { file: lease, find: 'surelyUntil = now + core.leaseMs', replace: 'surelyUntil = core.runtime.clock.now() + core.leaseMs * 2' },
    ],
  },
  {
    name: 'claim-counted-from-its-answer',
    why: 'The way of the answer is added to the lease, and the handler goes on after it is over.',
    edits: [
      {
        file: 'src/claiming.ts',
        find: 'claim, sentAt: claiming.sentAt }',
        replace: 'claim, sentAt: core.runtime.clock.now() }',
      },
    ],
  },
  {
    name: 'lost-lease-unnoticed',
    why: 'A worker that is cut off from the store is never told that its lease is over, and has its effect beside its successor.',
    edits: [
      { file: lease, find: 'surelyUntil = sentAt + core.leaseMs', replace: 'surelyUntil = Number.POSITIVE_INFINITY' },
      { file: lease, find: 'surelyUntil = now + core.leaseMs', replace: 'surelyUntil = Number.POSITIVE_INFINITY' },
    ],
  },
  {
    name: 'stall-unnoticed',
    why: 'A process that was stopped goes on before its timers do, and has an effect with a lease that ended long ago.',
    edits: [
      {
        file: lease,
        find: 'if (lease.renewing && !lease.lost && lease.core.runtime.clock.now() >= lease.surelyUntil) wakeLease(lease)',
        replace: '',
      },
    ],
  },
  {
    name: 'refused-renewal-unheeded',
    why: 'A worker whose renewal is refused, as the store has forgotten its claim or given it to another one, goes on as if nothing had happened.',
    forgets: true,
    edits: [{ file: lease, find: '} else if (lease.renewing) {', replace: '} else if (false) {' }],
  },
  {
    name: 'alarm-rings-once',
    why: 'After the first deadline that came due none does any more: leases end unrenewed, and answers that never come are waited for without end.',
    edits: [
      { file: 'src/deadlines.ts', find: 'for (const lane of lanes) arm(lane.firstAt())', replace: 'alarmAt = Number.NEGATIVE_INFINITY' },
    ],
  },
  {
    name: 'earlier-deadline-sleeps-in',
    why: 'A deadline that is nearer than the one for which the alarm is set is noticed only with that one.',
    edits: [{ file: 'src/deadlines.ts', find: 'if (dueAt >= alarmAt) return', replace: 'if (alarmAt < Number.POSITIVE_INFINITY) return' }],
  },
  {
    name: 'lost-lease-released',
    why: 'A claim is given back while its handler still runs, and the lapse that should be counted is not.',
    edits: [
      { file: 'src/effect.ts', find: 'import { recordConsumed }', replace: 'import { giveBack, recordConsumed }' },
      {
        file: 'src/effect.ts',
        find: 'if (lease) whenLost(lease, (error) => loseRun(running, error))',
        replace: `if (lease) whenLost(lease, (error) => {
        loseRun(running, error)
        void giveBack(core, lease.claim, { attempts: lease.claim.attempts, lapses: lease.claim.lapses, restMs: 0 }, { forMs: core.leaseMs })
      })`,
      },
    ],
  },
  {
    name: 'renewal-ends-before-the-dead-letter',
    why: 'While a dead letter waits for its broker the lease runs out, another worker takes the key, and it is set aside twice or handled after all.',
    edits: [{ file: 'src/settle.ts', find: 'resumeLease(lease)', replace: 'endLease(lease)' }],
  },
  {
    name: 'dead-letter-unowned',
    from: 1_700,
    why: 'A worker that has lost its key sets the message aside while another one handles it.',
    edits: [
      {
        file: 'src/settle.ts',
        find: 'const ours = await askStore(core, { send: renewLease }, lease, { signal: session.graceOver })',
        replace: 'const ours = { done: true, value: true }',
      },
    ],
  },
]
