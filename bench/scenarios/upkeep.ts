/** What is paid beside throughput: latency, memory, round trips, size; and what becomes of it with many keys and several processes. */
import { mariadbStage } from '../stages/mariadb.js'
import { ownRedisStage } from '../stages/own-redis.js'
import { postgresStage } from '../stages/postgres.js'
import { redisStage } from '../stages/redis.js'
import { noStage } from '../stages/stage.js'
import { callSettings, duplicates, handledName, newKeys, ours, quickCallSettings } from './common.js'
import type { ContenderName } from '../contenders.js'
import type { Case, Entrant, Measure, Scenario } from '../scenario.js'

type Store = 'redis' | 'postgres'

const titles = { redis: 'Redis', postgres: 'PostgreSQL' } as const
const raw = 'the raw pair'

/** The raw pair and the whole wrapper. */
function pairOf(store: Store): readonly Entrant[] {
  return [
    { name: raw, contender: `${store}-raw` satisfies ContenderName, isBaseline: true },
    { name: handledName, contender: `${store}-handled` satisfies ContenderName, ...ours },
  ]
}

const p99: Measure = { name: 'p99Ms', title: '99 % of the messages took', unit: 'ms', better: 'less' }

function latency(store: Store): Scenario {
  return {
    name: `latency-${store}`,
    title: `How long a message takes when there is no other one, on ${titles[store]}`,
    needs: [store],
    stage: store === 'redis' ? redisStage : postgresStage,
    measuring: 'latency',
    varies: 'at once',
    cases: [{ name: '1', settings: { concurrency: '1' }, isQuick: true }],
    settings: { handlerMs: '0', warmMs: '2000', forMs: '5000' },
    quickSettings: { warmMs: '500', forMs: '1000' },
    limitMs: 60_000,
    entrants: pairOf(store),
    measures: [{ ...p99, name: 'p50Ms', title: 'half of the messages took' }, p99],
    targets: [{ entrant: handledName, against: raw, measure: p99.name, bound: 'at most', values: { '1': 2 } }],
  }
}

export const latencyRedis = latency('redis')
export const latencyPostgres = latency('postgres')

function steps(store: Store): Scenario {
  const what = store === 'redis' ? 'commands' : 'commits'
  return {
    name: `steps-${store}`,
    title: `How many ${what} ${titles[store]} sees for a message, one at a time`,
    needs: store === 'redis' ? [] : [store],
    stage: store === 'redis' ? ownRedisStage : postgresStage,
    measuring: 'steps',
    varies: 'at once',
    cases: [{ name: '1', settings: { concurrency: '1' }, isQuick: true }],
    settings: { keys: '500', counts: what },
    quickSettings: { keys: '200' },
    mostRounds: 1,
    limitMs: 90_000,
    entrants: pairOf(store),
    measures: [
      { name: 'new', title: `${what} for a new key`, unit: 'each', better: 'less' },
      { name: 'duplicate', title: `${what} for a duplicate`, unit: 'each', better: 'less' },
    ],
    targets: [
      { entrant: handledName, measure: 'new', bound: 'at most', values: { '1': 2 } },
      { entrant: handledName, measure: 'duplicate', bound: 'at most', values: { '1': 1 } },
    ],
  }
}

export const stepsRedis = steps('redis')
export const stepsPostgres = steps('postgres')

function sizes(...many: readonly number[]): readonly Case[] {
  return many.map((keys) => ({ name: keys.toLocaleString('en'), settings: { keys: String(keys) }, isQuick: keys === 100_000 }))
}

const bytesPerKey: Measure = { name: 'bytesPerKey', title: 'memory for a consumed key', unit: 'bytes', better: 'less' }
const beside: Measure = { ...newKeys, title: 'new keys, beside those that are there' }

function growth(store: Store, more: readonly Entrant[]): Scenario {
  return {
    name: `growth-${store}`,
    title: `Many keys in ${titles[store]}: what each of them weighs, and how fast new ones go beside them`,
    needs: store === 'redis' ? [] : [store],
    stage: store === 'redis' ? ownRedisStage : postgresStage,
    measuring: 'filling',
    varies: 'keys',
    cases: sizes(100_000, 1_000_000, 10_000_000),
    settings: { concurrency: '256', forMs: '3000', weighs: store === 'redis' ? 'server' : 'tables' },
    quickSettings: { forMs: '500' },
    mostRounds: 1,
    limitMs: 3_600_000,
    entrants: [...pairOf(store), ...more],
    measures: [store === 'redis' ? bytesPerKey : { ...bytesPerKey, title: 'table and indexes for a consumed key' }, beside],
    targets:
      store === 'redis'
        ? [
            {
              entrant: handledName,
              measure: bytesPerKey.name,
              bound: 'at most',
              values: { '100,000': 150, '1,000,000': 150, '10,000,000': 150 },
            },
          ]
        : [],
    ...(store === 'redis' && { note: 'Keys are of about 48 characters, with what each contender puts in front of them.' }),
  }
}

const few = { cases: ['100,000'], isPeer: true }
export const growthRedis = growth('redis', [
  { name: 'Powertools', contender: 'powertools', ...few },
  { name: 'node-idempotency', contender: 'node-idempotency', ...few },
])
export const growthPostgres = growth('postgres', [])

function sweep(service: 'postgres' | 'mariadb'): Scenario {
  return {
    name: `sweep-${service}`,
    title: `Removing records that are over from ${service}, 200,000 at most`,
    needs: [service],
    stage: service === 'postgres' ? postgresStage : mariadbStage,
    measuring: 'sweeping',
    varies: 'keys',
    cases: sizes(100_000, 1_000_000),
    settings: { concurrency: '256' },
    quickSettings: {},
    mostRounds: 1,
    limitMs: 900_000,
    entrants: [{ name: 'hapax, sweep', contender: service === 'postgres' ? 'postgres-swept' : 'mariadb-swept', ...ours }],
    measures: [
      { name: 'swept', title: 'records removed', unit: 'per second', better: 'more' },
      { name: 'longestMs', title: 'the longest sweep of 20,000', unit: 'ms', better: 'less' },
    ],
    targets: [],
  }
}

export const sweepPostgres = sweep('postgres')
export const sweepMariadb = sweep('mariadb')

function workers(store: Store): Scenario {
  return {
    name: `workers-${store}`,
    title: `Several worker processes on one ${titles[store]}, each handling 64 at a time: what they do together`,
    needs: [store],
    stage: store === 'redis' ? redisStage : postgresStage,
    measuring: 'crowd',
    varies: 'processes',
    cases: ['1', '2', '4'].map((processes) => ({ name: processes, settings: { processes }, isQuick: processes !== '4' })),
    settings: { ...callSettings, concurrency: '64' },
    quickSettings: quickCallSettings,
    limitMs: 90_000,
    entrants: pairOf(store),
    measures: [newKeys, duplicates],
    targets: [],
  }
}

export const workersRedis = workers('redis')
export const workersPostgres = workers('postgres')

export const size: Scenario = {
  name: 'size',
  title: 'The core, all that it exports, as a bundler makes it',
  needs: [],
  stage: noStage,
  measuring: 'size',
  varies: 'exports',
  cases: [{ name: 'all', settings: {}, isQuick: true }],
  settings: {},
  quickSettings: {},
  mostRounds: 1,
  limitMs: 30_000,
  entrants: [{ name: 'hapax', contender: 'memory-none', ...ours }],
  measures: [
    { name: 'minified', title: 'minified', unit: 'bytes', better: 'less' },
    { name: 'gzipped', title: 'minified and gzipped', unit: 'bytes', better: 'less' },
  ],
  targets: [{ entrant: 'hapax', measure: 'gzipped', bound: 'at most', values: { all: 6_000 } }],
}
