import type { PlantedBug } from '../edits.js'

const effect = 'src/effect.ts'
const settle = 'src/settle.ts'
const consumer = 'adapters/transports/memory/consumer.ts'

export const settlingBugs: readonly PlantedBug[] = [
  {
    name: 'recorded-before-the-run',
    why: 'A message whose handler fails is redelivered, taken for a duplicate, and lost (watermill, Spring Integration).',
    edits: [
      {
        file: effect,
        find: 'const running = new Running(core, call, lease)\n',
        replace: 'if (lease) await recordConsumed(core, lease.claim)\n      const running = new Running(core, call, lease)\n',
      },
    ],
  },
  {
    name: 'failure-recorded',
    why: 'An error is stored as if the key were consumed, and the retry is acked away (node-idempotency).',
    edits: [
      {
        file: effect,
        find: "if (run.how === 'threw') return",
        replace: "if (run.how === 'threw' && lease) await recordConsumed(core, lease.claim)\n      if (run.how === 'threw') return",
      },
    ],
  },
  {
    name: 'released-before-the-record',
    why: 'The claim is given back in a `finally` before the work is recorded, and a copy runs in between.',
    edits: [
      { file: effect, find: 'import { recordConsumed }', replace: 'import { giveBack, recordConsumed }' },
      {
        file: effect,
        find: 'const tried = await recordConsumed(core, lease.claim, call.graceOver, call.onFault)',
        replace: `await giveBack(core, lease.claim, { attempts: lease.claim.attempts, lapses: lease.claim.lapses, restMs: 0 }, { forMs: core.leaseMs })
      const tried = await recordConsumed(core, lease.claim, call.graceOver, call.onFault)`,
      },
    ],
  },
  {
    name: 'acked-before-the-record',
    why: 'The message is gone before its key is recorded: a crash in between, and the effect has no record and no message.',
    edits: [
      {
        file: effect,
        find: 'if (!lease) return { happened',
        replace: 'await (call as { settled?: () => Promise<void> }).settled?.()\n      if (!lease) return { happened',
      },
      {
        file: settle,
        find: '    this.onFault = onFault\n',
        replace: '    this.onFault = onFault\n    Object.assign(this, { settled: () => delivery.ack() })\n',
      },
    ],
  },
  {
    name: 'copy-before-release',
    why: 'The copy is published before the record is released: it finds its own key busy, and a crash in between counts a lapse for a mere failure.',
    edits: [
      {
        file: settle,
        find: '  if (decision.release && job.lease) return',
        replace: `  const { lease } = job
  const remember = decision.release
  if (settle.how === 'postpone' && remember && lease) {
    return postpone(job, decision, settle).then(async (outcome) => {
      await release(job, lease, remember)
      return outcome
    })
  }
  if (decision.release && job.lease) return`,
      },
    ],
  },
  {
    name: 'acked-before-the-dead-letter',
    why: 'The original is acked before its dead letter is confirmed, and a crash in between loses the message.',
    edits: [
      {
        file: settle,
        find: 'if (!(await publish(job, () => delivery.deadLetter(reason, marked)))) return leave()',
        replace: 'await delivery.ack()\n  if (!(await publish(job, () => delivery.deadLetter(reason, marked)))) return leave()',
      },
      // The memory broker would not take it any more, and the message would be lost without any crash.
      {
        file: consumer,
        find: "if (hand.state !== 'open') return\n        const { key, attempts } = last",
        replace: "if (hand.state === 'gone') return\n        const { key, attempts } = last",
      },
    ],
  },
  {
    name: 'released-before-the-dead-letter',
    why: 'The record forgets before the dead letter is confirmed: another copy runs once more although the attempts are used up.',
    edits: [
      {
        file: settle,
        find: '  const marked = marks(job, { attempts, postponements',
        replace:
          '  if (lease && decision.release) await release(job, lease, decision.release)\n  const marked = marks(job, { attempts, postponements',
      },
    ],
  },
  {
    name: 'copy-tried-once',
    why: 'A copy that is not confirmed at once is given up: the message lies there until the process ends.',
    edits: [
      {
        file: settle,
        find: 'signal: session.graceOver,\n    onFault(error) {',
        replace: 'signal: session.graceOver,\n    forMs: 0,\n    onFault(error) {',
      },
    ],
  },
  {
    name: 'unpublished-copy-acked',
    why: 'A message whose copy could not be published is acked, and lost.',
    edits: [
      {
        file: settle,
        find: 'signal: session.graceOver,\n    onFault(error) {',
        replace: 'signal: session.graceOver,\n    forMs: 0,\n    onFault(error) {',
      },
      {
        file: settle,
        find: 'job.delivery.postpone(settle.delayMs, marks(job, settle)))\n',
        replace: 'job.delivery.postpone(settle.delayMs, marks(job, settle)))\n  if (!published) await job.delivery.ack()\n',
      },
    ],
  },
  {
    name: 'superseded-failure-counts',
    why: 'A failure whose release was refused, as the key is consumed or claimed anew, counts as an attempt all the same.',
    edits: [{ file: settle, find: "if (!released.value && decision.outcome === 'retried') return lostAfterAll(job)\n", replace: '' }],
  },
  {
    name: 'key-computed-again',
    why: 'The handler changes the message, and another key is recorded than was claimed.',
    edits: [
      { file: 'src/idempotent.ts', find: 'leaseEffect(core, handler))', replace: 'leaseEffect(core, handler, options))' },
      {
        file: effect,
        find: 'handler: Handler<Message, Value, Context>): Effect<Message, Value> {',
        replace: 'handler: Handler<Message, Value, Context>, options: Parameters<typeof openNaming<Message>>[0]): Effect<Message, Value> {',
      },
      {
        file: effect,
        find: "import { StoreAwayError } from './errors.js'\n",
        replace: "import { StoreAwayError } from './errors.js'\nimport { openNaming } from './reading.js'\n",
      },
      {
        file: effect,
        find: 'const tried = await recordConsumed(core, lease.claim, call.graceOver, call.onFault)',
        replace:
          'const { record } = openNaming(options)(call.message, call.headers)\n      const tried = await recordConsumed(core, { ...lease.claim, record }, call.graceOver, call.onFault)',
      },
    ],
  },
  {
    name: 'keys-cut',
    why: 'Long keys are cut instead of hashed, and those that differ only in their tails swallow each other.',
    edits: [
      {
        file: 'src/key.ts',
        find: 'return record\n    // No escape',
        replace: 'return record\n    return record.slice(0, longestRecordBytes)\n    // No escape',
      },
    ],
  },
  {
    name: 'late-work-forgotten',
    why: 'A handler that ends after it was abandoned, or handed back at a stop, is not recorded, and its work is done again.',
    edits: [
      { file: effect, find: "if (lease && how === 'returned') void recordConsumed(core, lease.claim)", replace: 'void [lease, how]' },
    ],
  },
  {
    name: 'hung-run-keeps-its-place',
    why: 'Handlers that never end take one place after the other, until nothing is handled any more.',
    edits: [
      {
        file: 'src/run.ts',
        find: "if (call.abandons) running.cancel = core.runtime.clock.schedule(core.leaseMs, () => endRun(running, { how: 'abandoned' }))\n",
        replace: '',
      },
    ],
  },
]
