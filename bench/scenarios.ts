/** All scenarios, in the order in which they are run. */
import { kafka, kafkaHeld, kafkaPostponing, kafkaSlow, outbox, rabbitmqPostgres, rabbitmqRedis } from './scenarios/brokers.js'
import { core } from './scenarios/core.js'
import { inboxMariadb, inboxPostgres, mariadb, memory, sqliteFull, sqliteNormal } from './scenarios/databases.js'
import { postgres } from './scenarios/postgres.js'
import { nodeRedis, redis, redisCluster } from './scenarios/redis.js'
import {
  growthPostgres,
  growthRedis,
  latencyPostgres,
  latencyRedis,
  size,
  stepsPostgres,
  stepsRedis,
  sweepMariadb,
  sweepPostgres,
  workersPostgres,
  workersRedis,
} from './scenarios/upkeep.js'
import type { Scenario } from './scenario.js'

export const scenarios: readonly Scenario[] = [
  size,
  core,
  memory,
  redis,
  nodeRedis,
  redisCluster,
  postgres,
  mariadb,
  sqliteFull,
  sqliteNormal,
  inboxPostgres,
  inboxMariadb,
  kafka,
  kafkaSlow,
  kafkaHeld,
  kafkaPostponing,
  outbox,
  rabbitmqRedis,
  rabbitmqPostgres,
  latencyRedis,
  latencyPostgres,
  stepsRedis,
  stepsPostgres,
  workersRedis,
  workersPostgres,
  sweepPostgres,
  sweepMariadb,
  growthRedis,
  growthPostgres,
]
