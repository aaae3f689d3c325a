import { idempotent, inbox } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'
import { areWholeNumbers, holdToRules, required, rules } from './rules.js'
import type { ConsumeOptions, HandlerOptions, IdempotentOptions, InboxOptions, OnceFrom } from 'hapax'
import type { MemoryTransaction } from 'hapax/stores/memory'
import type { Rule, Rules } from './rules.js'

const store = memoryStore()
const longestMs = 2 ** 50
const leastWindowMs = 30_000 + 671_000

const aboutHandlers: Rules<HandlerOptions<unknown>> = {
  scope: required.text(200, 'billing.charge', ' ', "'"),
  key: required.function(),
  windowMs: rules.wholeNumber(leastWindowMs, { most: longestMs }),
  leaseMs: rules.wholeNumber(50, { surely: longestMs - 671_000 }),
  maxAttempts: rules.wholeNumber(1, { surely: 1_000_000 }),
  retryDelaysMs: rules.optional({
    good: [[1], [10_000, 1_000], [5, 5]],
    fits: (value) => areWholeNumbers(value, 1) && (Math.max(...value) < 1e12 || 'perhaps'),
  }),
  maxRunMs: rules.wholeNumber(1),
  maxLapses: rules.wholeNumber(1),
  storeTimeoutMs: rules.wholeNumber(1, { most: 7_500 }),
  recordTimeoutMs: rules.wholeNumber(0),
  overdueMs: rules.wholeNumber(1),
  whenBusy: rules.choice('postpone', 'wait'),
  whenFailed: rules.choice('postpone', 'wait'),
  onOutcome: rules.function(),
  onTrouble: rules.function(),
  runtime: rules.runtime(),
}
const steps = ['check', 'claim', 'renew', 'complete', 'release']
const key = (): string => 'a key'

holdToRules<IdempotentOptions<unknown>>({
  name: 'idempotent',
  base: { store, scope: 'billing.charge', key, windowMs: longestMs },
  rules: { ...aboutHandlers, store: required.methods(store, ...steps), whenStoreFails: rules.choice('hold', 'run') },
  take: (options) => idempotent(() => undefined, options),
})

holdToRules<InboxOptions<unknown, MemoryTransaction>>({
  name: 'inbox',
  base: { store, scope: 'orders.save', key, windowMs: longestMs },
  rules: { ...aboutHandlers, store: required.methods(store, ...steps, 'transaction', 'claimIn') },
  take: (options) => inbox(() => undefined, options),
})

holdToRules<{ readonly handler: () => unknown }>({
  name: 'the handler itself',
  isArguments: true,
  base: { handler: () => undefined },
  rules: { handler: required.function() },
  take: (given) => idempotent(given.handler, { store, scope: 'billing.charge', key }),
})

const anyObject: Rule = { good: [{}], fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) }
const once = idempotent(() => undefined, { store: memoryStore(), scope: 'billing.charge', key })
holdToRules<OnceFrom>({
  name: 'what once is told beside the message',
  base: {},
  rules: { headers: rules.optional(anyObject), signal: rules.signal() },
  take: (from) => once.once('a message', from),
})

const transport = memoryTransport(memoryBroker(), { topic: 'orders', groupId: 'billing', decode: () => 'a message' })
holdToRules<ConsumeOptions>({
  name: 'consume',
  base: {},
  rules: { signal: rules.signal(), graceMs: rules.wholeNumber(0) },
  take: async (options) => (await transport.consume(once, options)).stop(),
})

holdToRules<{ readonly handler: typeof once }>({
  name: 'the handler that is to consume',
  isArguments: true,
  base: { handler: once },
  rules: { handler: required.methods(once, 'settle', 'check', 'report') },
  take: async (given) => (await transport.consume(given.handler)).stop(),
})
