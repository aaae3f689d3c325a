import { redisClusterStage, redisStage } from '../stages/redis.js'
import {
  atLeast,
  atLeastAt64,
  callSettings,
  concurrencies,
  cpu,
  duplicates,
  handledName,
  newKeys,
  ours,
  quickCallSettings,
  storeName,
} from './common.js'
import type { Scenario } from '../scenario.js'

const raw = 'raw ioredis, autopipelining'

const shared = {
  measuring: 'calls',
  varies: 'at once',
  cases: concurrencies,
  settings: callSettings,
  quickSettings: quickCallSettings,
  limitMs: 60_000,
} as const

export const redis: Scenario = {
  ...shared,
  name: 'redis',
  title: 'Redis with ioredis: claim and complete, and the whole wrapper on a transport that does nothing',
  needs: ['redis'],
  stage: redisStage,
  entrants: [
    { name: raw, contender: 'redis-raw', settings: { autoPipelining: 'yes' }, isBaseline: true },
    { name: 'raw ioredis', contender: 'redis-raw' },
    { name: storeName, contender: 'redis-store', ...ours },
    { name: handledName, contender: 'redis-handled', ...ours },
    { name: 'Powertools', contender: 'powertools', isPeer: true },
    { name: 'node-idempotency', contender: 'node-idempotency', isPeer: true },
    { name: 'BullMQ', contender: 'bullmq', isPeer: true },
  ],
  measures: [newKeys, duplicates, cpu],
  targets: [
    atLeast(storeName, raw, newKeys, 1, 1.5, 1.8, 1.8),
    atLeast(handledName, raw, newKeys, 0.9, 1.3, 1.5, 1.5),
    atLeast(handledName, raw, duplicates, 0.9, 1.5, 1.8, 1.8),
    atLeastAt64(handledName, 'Powertools', newKeys, 2.5),
    atLeastAt64(handledName, 'node-idempotency', newKeys, 2),
    atLeastAt64(handledName, 'BullMQ', newKeys, 15),
    atLeastAt64(handledName, 'Powertools', duplicates, 5),
    atLeastAt64(handledName, 'node-idempotency', duplicates, 3),
  ],
  note:
    'Raw is the cheapest pair that has an owner and a lease; it has no token that grows, no memory of failures, and goes by no clock of the server. ' +
    'BullMQ is a queue: it stores and fetches the message as well.',
}

const rawNode = 'raw node-redis'

export const nodeRedis: Scenario = {
  ...shared,
  name: 'redis-node-redis',
  title: 'Redis with node-redis, its timer for each command turned off: claim and complete',
  needs: ['redis'],
  stage: redisStage,
  entrants: [
    { name: rawNode, contender: 'redis-raw-node-redis', isBaseline: true },
    { name: storeName, contender: 'redis-store', settings: { client: 'node-redis' }, ...ours },
    { name: handledName, contender: 'redis-handled', settings: { client: 'node-redis' }, ...ours },
  ],
  measures: [newKeys, duplicates, cpu],
  targets: [atLeast(storeName, rawNode, newKeys, 0.95, 1, 1.05, 1.05)],
}

const rawCluster = 'raw ioredis on a Cluster'

export const redisCluster: Scenario = {
  ...shared,
  name: 'redis-cluster',
  title: 'Redis Cluster of three primaries, with ioredis: claim and complete',
  needs: ['redis-cluster'],
  stage: redisClusterStage,
  entrants: [
    { name: rawCluster, contender: 'redis-raw', settings: { client: 'cluster' }, isBaseline: true },
    { name: storeName, contender: 'redis-store', settings: { client: 'cluster' }, ...ours },
    { name: handledName, contender: 'redis-handled', settings: { client: 'cluster' }, ...ours },
  ],
  measures: [newKeys, duplicates, cpu],
  targets: [],
  note: 'Keys are of different slots, so calls cannot travel together.',
}
