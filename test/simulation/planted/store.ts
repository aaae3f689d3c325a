import type { PlantedBug } from '../edits.js'

const file = 'adapters/stores/memory.ts'

export const storeBugs: readonly PlantedBug[] = [
  {
    name: 'complete-unfenced',
    why: 'A late worker overwrites the record of the newer claim, which still runs (RocketMQDedupListener, Powertools, graphile/worker).',
    edits: [{ file, find: 'if (entry && entry.token > token) return false\n', replace: '' }],
  },
  {
    name: 'claim-in-two-steps',
    why: 'Two workers read that a key is free before either has written, and both run it (RocketMQDedupListener, Brighter).',
    edits: [
      { file, find: 'refuseUnless, systemClock }', replace: 'refuseUnless, sleep, systemClock }' },
      { file, find: 'makeRoom(record)\n      const token', replace: 'await sleep(clock, 3)\n      makeRoom(record)\n      const token' },
    ],
  },
  {
    name: 'release-unfenced',
    why: "A late worker gives back the newer worker's claim, and a third one starts beside it (hono-idempotency).",
    edits: [
      {
        file,
        find: "if (entry?.state !== 'consuming' || entry.token !== token) return false\n      const untilMs = clock.now() + restMs",
        replace: "if (entry?.state !== 'consuming') return false\n      const untilMs = clock.now() + restMs",
      },
    ],
  },
  {
    name: 'token-restarts',
    why: 'Once the record is gone the tokens of a key begin again, and a fenced resource refuses the new worker, or takes the old one for it.',
    edits: [{ file, find: '(lastToken += 1)\n      const attempts', replace: '(before?.token ?? 0) + 1\n      const attempts' }],
  },
  {
    name: 'released-claim-revives',
    why: 'A claim request that comes late brings back a claim that was released; nobody keeps it, and the key is blocked for a lease.',
    edits: [{ file, find: '? again || before.untilMs > nowMs :', replace: '? !again && before.untilMs > nowMs :' }],
  },
  {
    name: 'lapse-uncounted',
    why: 'A message that kills every process that handles it is tried for ever.',
    edits: [{ file, find: " + (before?.state === 'consuming' && !again ? 1 : 0)", replace: '' }],
  },
  {
    name: 'own-retry-counts-as-lapse',
    why: 'An answer that was lost counts as a death of the process, and a harmless message is set aside after some of them.',
    edits: [{ file, find: "before?.state === 'consuming' && !again ? 1 : 0", replace: "before?.state === 'consuming' ? 1 : 0" }],
  },
  {
    name: 'rest-ignored',
    why: 'A copy of a message that has just failed runs at once: the back-off is outrun, and the attempts are used up in a moment.',
    edits: [{ file, find: 'again || before.untilMs > nowMs : !again', replace: 'again : !again' }],
  },
  {
    name: 'one-ttl',
    why: 'Claims last as long as consumed keys are remembered, so a crash blocks its key for a day (node-idempotency, hono-idempotency).',
    edits: [
      { file, find: 'const untilMs = nowMs + leaseMs', replace: 'const untilMs = nowMs + memoryMs' },
      { file, find: 'const untilMs = clock.now() + leaseMs', replace: 'const untilMs = clock.now() + Math.max(leaseMs, entry.memoryMs)' },
    ],
  },
  {
    name: 'record-ends-with-lease',
    why: 'The record of a killed process is gone when its lease ends, so its attempts and lapses are forgotten (SET NX PX).',
    edits: [
      { file, find: 'nonce, overMs: untilMs + memoryMs }', replace: 'nonce, overMs: untilMs }' },
      {
        file,
        find: 'put(record, { ...entry, untilMs, overMs: untilMs + entry.memoryMs })',
        replace: 'put(record, { ...entry, untilMs, overMs: untilMs })',
      },
    ],
  },
  {
    name: 'complete-refused-after-lapse',
    why: 'Work that took longer than the lease is forgotten although nobody else has claimed the key, and is done again.',
    edits: [
      {
        file,
        find: 'if (entry && entry.token > token) return false',
        replace: "if (entry && (entry.token > token || (entry.state === 'consuming' && entry.untilMs <= clock.now()))) return false",
      },
    ],
  },
  {
    name: 'complete-refused-after-release',
    why: 'A handler that ends shortly after it was handed back at a stop is forgotten, and its work is done again.',
    edits: [
      {
        file,
        find: 'if (entry && entry.token > token) return false',
        replace: "if (entry && (entry.token > token || entry.state === 'released')) return false",
      },
    ],
  },
  {
    name: 'renew-revives-consumed',
    why: 'A renewal that comes late makes a consumed key look claimed; when that lease ends the message is handled again.',
    edits: [
      {
        file,
        find: "if (entry?.state !== 'consuming' || entry.token !== token) return false\n      const untilMs = clock.now() + leaseMs",
        replace: 'if (entry?.token !== token) return false\n      const untilMs = clock.now() + leaseMs',
      },
      { file, find: 'put(record, { ...entry, untilMs, overMs', replace: "put(record, { ...entry, state: 'consuming', untilMs, overMs" },
    ],
  },
  {
    name: 'renew-unfenced',
    why: "A worker that has lost its claim renews the newer worker's, is told that all is well, and goes on beside it.",
    edits: [
      {
        file,
        find: "if (entry?.state !== 'consuming' || entry.token !== token) return false\n      const untilMs = clock.now() + leaseMs",
        replace: "if (entry?.state !== 'consuming') return false\n      const untilMs = clock.now() + leaseMs",
      },
    ],
  },
  {
    name: 'window-never-ends',
    why: 'Consumed keys are kept for ever: the store grows until it is full.',
    edits: [{ file, find: 'const overMs = clock.now() + windowMs', replace: 'const overMs = clock.now() + windowMs * 1e9' }],
  },
  {
    name: 'window-as-short-as-lease',
    why: "A completed record keeps the lease's expiry, so a duplicate that comes a minute later is handled again (SET KEEPTTL).",
    edits: [
      {
        file,
        find: 'putConsumed(record, token, windowMs)\n      return true',
        replace: 'putConsumed(record, token, entry ? entry.untilMs - clock.now() : windowMs)\n      return true',
      },
    ],
  },
  {
    name: 'counts-forgotten-at-release',
    why: 'A message that always fails never uses up its attempts where the header is lost, and one that kills never its lapses.',
    edits: [{ file, find: "state: 'released', attempts, lapses, untilMs", replace: "state: 'released', attempts: 0, lapses: 0, untilMs" }],
  },
  {
    name: 'keys-folded',
    why: 'Keys that differ only in case swallow each other (a case-insensitive column, RocketMQDedupListener).',
    edits: [
      { file, find: 'const entry = entries.get(record)\n', replace: 'const entry = entries.get(record.toLowerCase())\n' },
      {
        file,
        find: 'entries.set(record, entry)\n  }\n  const putConsumed',
        replace: 'entries.set(record.toLowerCase(), entry)\n  }\n  const putConsumed',
      },
    ],
  },
  {
    name: 'keys-trimmed',
    why: 'Keys that differ only in a space at the end swallow each other (CHAR columns, PAD SPACE collations).',
    edits: [
      { file, find: 'const entry = entries.get(record)\n', replace: 'const entry = entries.get(record.trimEnd())\n' },
      {
        file,
        find: 'entries.set(record, entry)\n  }\n  const putConsumed',
        replace: 'entries.set(record.trimEnd(), entry)\n  }\n  const putConsumed',
      },
    ],
  },
  {
    name: 'busy-told-as-duplicate',
    why: 'A redelivery that comes while the key is held is acked away; if the holder then dies, the message is lost (Wolverine, Camel, Symfony Messenger).',
    edits: [
      {
        file,
        find: "if (busy) return { status: 'busy', retryInMs: Math.max(1, Math.ceil(before.untilMs - nowMs)) }",
        replace: "if (busy) return { status: 'duplicate' }",
      },
    ],
  },
  {
    name: 'claim-in-ignores-leases',
    why: 'An inbox takes a key that another worker holds by lease, and both handle it.',
    edits: [{ file, find: "if (entry && entry.untilMs > clock.now() && !own) return { status: 'busy' }\n", replace: '' }],
  },
  {
    name: 'claim-in-holds-nothing',
    why: 'Two transactions look for the record, find none, and both commit: no unique index.',
    edits: [{ file, find: 'heldBy.set(record, tx)\n', replace: '' }],
  },
  {
    name: 'effects-outside-the-transaction',
    why: 'What a handler does in its transaction takes effect at once, and survives the rollback.',
    edits: [{ file, find: 'effects.push(effect)', replace: 'effect()' }],
  },
  {
    name: 'rollback-keeps-the-key',
    why: 'A transaction that was rolled back holds its key for ever.',
    edits: [
      {
        file,
        find: 'for (const [record, windowMs] of windows) putConsumed(record, (lastToken += 1), windowMs)\n',
        replace:
          'for (const [record, windowMs] of windows) {\n          putConsumed(record, (lastToken += 1), windowMs)\n          heldBy.delete(record)\n        }\n',
      },
      { file, find: 'for (const record of windows.keys()) heldBy.delete(record)\n', replace: '' },
    ],
  },
]
