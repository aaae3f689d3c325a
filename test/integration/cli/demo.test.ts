import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { kafkaBrokers, rabbitmqUrl, redisUrl } from '../../services/places.js'
import { ownMysql, ownPostgres, startDemo } from './demo-process.js'
import type { Ended } from './demo-process.js'
import type { Report } from '../../../cli/demo/check.js'

const kafka = ['--kafka', kafkaBrokers[0] ?? '']
const rabbitmq = ['--rabbitmq', rabbitmqUrl]
const few = ['--payments', '100', '--json']

/** What holds on all servers; answers the report on the wrapped handler for more. */
function judge({ status, stdout, stderr }: Ended): Report {
  expect(stderr).toBe('')
  const { bare, wrapped } = JSON.parse(stdout) as Record<'bare' | 'wrapped', Report>
  expect(bare.twice.length).toBeGreaterThan(10)
  expect(bare.lost).toHaveLength(1)
  expect(wrapped.lost).toEqual([])
  expect(wrapped.setAside).toEqual(bare.lost)
  expect(status).toBe(0)
  return wrapped
}

// Two at a time: they are long, and mostly wait.
describe('the demo on real servers, by lease, a worker killed with SIGKILL', { timeout: 180_000 }, () => {
  test.concurrent('loses nothing, and charges nothing twice but what was in its hands (RabbitMQ and Redis)', async () => {
    await using redis = await ownRedis()
    const wrapped = judge(await startDemo(...rabbitmq, '--redis', redis.url, ...few).ended)
    expect(wrapped.twice.filter((id) => !wrapped.inHands.includes(id))).toEqual([])
    expect(await redis.keys()).toEqual([])
  })

  test.concurrent('loses nothing, and charges nothing twice but what was in its hands (Kafka and PostgreSQL)', async () => {
    await using database = await ownPostgres()
    const wrapped = judge(await startDemo(...kafka, '--postgres', database.url, ...few).ended)
    expect(wrapped.twice.filter((id) => !wrapped.inHands.includes(id))).toEqual([])
    expect(await database.tables()).toEqual([])
  })
})

describe('the demo on real servers, with an inbox, a worker killed with SIGKILL', { timeout: 180_000 }, () => {
  test.concurrent('loses nothing, and charges nothing twice (RabbitMQ and PostgreSQL)', async () => {
    await using database = await ownPostgres()
    const wrapped = judge(await startDemo(...rabbitmq, '--postgres', database.url, '--inbox', ...few).ended)
    expect(wrapped.twice).toEqual([])
    expect(await database.tables()).toEqual([])
  })

  test.concurrent('loses nothing, and charges nothing twice (Kafka and MySQL)', async () => {
    await using database = await ownMysql()
    const wrapped = judge(await startDemo(...kafka, '--mysql', database.url, '--inbox', ...few).ended)
    expect(wrapped.twice).toEqual([])
    expect(await database.tables()).toEqual([])
  })
})

/** A database of the shared Redis; what the demo has in it has a prefix of its own. */
async function ownRedis(): Promise<AsyncDisposable & { readonly url: string; keys(): Promise<readonly string[]> }> {
  const url = new URL(redisUrl)
  url.pathname = '/11'
  const redis = new Redis(url.href)
  return {
    url: url.href,
    keys: () => redis.keys('hapax-demo-*'),
    async [Symbol.asyncDispose]() {
      await redis.quit()
    },
  }
}
