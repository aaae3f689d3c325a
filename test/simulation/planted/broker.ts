import type { PlantedBug } from '../edits.js'

const consumer = 'adapters/transports/memory/consumer.ts'
const group = 'adapters/transports/memory/group.ts'
const storeCopy = 'broker.store(() => group.addCopy({ ...message, position: broker.position(), headers: copied }, waitMs))'
const storeLetter = 'broker.store(() => group.deadLetters.push({ letter, marks: last, origin }))'

export const brokerBugs: readonly PlantedBug[] = [
  {
    name: 'acked-before-the-copy',
    why: 'The original is acked before its copy is stored: if that fails, the message is lost.',
    edits: [{ file: consumer, find: `${storeCopy}\n        done(hand)`, replace: `done(hand)\n        ${storeCopy}` }],
  },
  {
    name: 'unconfirmed-copy-believed',
    why: 'A copy that was not confirmed is taken for stored, and the original is acked.',
    edits: [{ file: consumer, find: storeCopy, replace: `try {\n          ${storeCopy}\n        } catch {}` }],
  },
  {
    name: 'unconfirmed-dead-letter-believed',
    why: 'A dead letter that was not confirmed is taken for stored, and the original is acked.',
    edits: [{ file: consumer, find: storeLetter, replace: `try {\n          ${storeLetter}\n        } catch {}` }],
  },
  {
    name: 'commits-past-the-unfinished',
    why: 'A message that is finished commits those before it as well, and a crash loses what was in hand of them (a plain Kafka commit).',
    edits: [
      { file: group, find: 'let sequence = 0\n', replace: 'let sequence = 0\n  let committed = 0\n' },
      {
        file: group,
        find: 'unsettled -= 1\n      queue.finish(entry)\n',
        replace: 'unsettled -= 1\n      if (!entry.copy) committed = Math.max(committed, entry.sequence)\n      queue.finish(entry)\n',
      },
      {
        file: group,
        find: 'queue.giveBack(entry)\n',
        replace: 'if (!entry.copy && entry.sequence < committed) queue.finish(entry)\n      else queue.giveBack(entry)\n',
      },
    ],
  },
  {
    name: 'copy-said-to-be-new',
    why: 'A copy is said never to have come before, so an inbox does not count the lapses of what kills.',
    edits: [{ file: consumer, find: 'const redelivered = entry.copy || entry.sent', replace: 'const redelivered = entry.sent' }],
  },
  {
    name: 'redelivery-said-to-be-new',
    why: 'A message that comes again after a crash is said never to have come before.',
    edits: [{ file: consumer, find: 'const redelivered = entry.copy || entry.sent', replace: 'const redelivered = entry.copy' }],
  },
  {
    name: 'forged-marks-believed',
    why: 'A message whose producer forwarded headers is taken for a copy with used-up attempts, and set aside.',
    edits: [
      {
        file: consumer,
        find: 'const marks = copy ? readMarks(message.headers, { scope, origin: topic }) : undefined',
        replace: 'const marks = readMarks(message.headers, { scope, origin: topic })',
      },
    ],
  },
  {
    name: 'order-not-kept',
    why: 'Messages of one ordering key are handled side by side.',
    edits: [
      {
        file: 'adapters/transports/memory/queue.ts',
        find: 'message.orderingKey === undefined ? undefined :',
        replace: 'message.orderingKey === undefined || !copy ? undefined :',
      },
    ],
  },
  {
    name: 'stop-keeps-what-it-has',
    why: 'What a consumer has in hand when it stops is delivered to nobody else.',
    edits: [{ file: consumer, find: "if (state !== 'dead') giveBackAll()", replace: '' }],
  },
  {
    name: 'crash-loses-what-was-in-hand',
    why: 'Messages are acked when they are handed over, so a crash loses them (auto-ack).',
    edits: [
      {
        file: consumer,
        find: "state = 'dead'\n      group.leave(member)\n      giveBackAll()",
        replace: "state = 'dead'\n      group.leave(member)\n      for (const hand of hands) group.finish(hand.entry)",
      },
    ],
  },
  {
    name: 'delay-ignored',
    why: 'Copies come back at once, so a busy or failing key makes a storm of them.',
    edits: [{ file: group, find: 'const dueAt = clock.now() + delayMs', replace: 'const dueAt = clock.now()' }],
  },
  {
    name: 'attempts-left-behind',
    why: 'A copy forgets how often its message has failed.',
    edits: [
      { file: consumer, find: 'copyHeaders(next, route(), waitMs)', replace: 'copyHeaders({ ...next, attempts: 0 }, route(), waitMs)' },
    ],
  },
  {
    name: 'rebalance-aborts-nothing',
    why: 'What was taken away and has not begun begins all the same, beside whoever has it now.',
    edits: [
      {
        file: consumer,
        find: 'giveBackAll()\n      for (const hand of lost) hand.taken.abort()',
        replace: 'giveBackAll()\n      void lost',
      },
    ],
  },
  {
    name: 'replay-unmarked',
    why: 'A dead letter that somebody has delivered again is not told from a copy, and has no attempts or lapses left.',
    edits: [{ file: 'adapters/transports/memory/dead-letters.ts', find: 'replay: true }', replace: 'replay: false }' }],
  },
]
