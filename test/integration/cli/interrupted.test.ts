import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { setImmediate } from 'node:timers/promises'
import { kafkaBrokers, rabbitmqUrl } from '../../services/places.js'
import { ownMysql, ownPostgres, startDemo } from './demo-process.js'
import type { OwnDatabase } from './demo-process.js'

/** Waits until money has moved, and answers what the demo has called its topic or queue. */
async function untilCharged(database: OwnDatabase): Promise<string> {
  for (;;) {
    const ledger = (await database.tables()).find((table) => table.endsWith('_ledger'))
    if (ledger && (await database.count(ledger)) > 0) return ledger.replace(/_ledger$/, '').replaceAll('_', '-')
    await setImmediate()
  }
}

describe('a demo that is interrupted', { timeout: 120_000 }, () => {
  test('removes what it has made in RabbitMQ and PostgreSQL', async () => {
    await using database = await ownPostgres()
    const demo = startDemo('--rabbitmq', rabbitmqUrl, '--postgres', database.url, '--inbox', '--payments', '1000')
    const queue = await untilCharged(database)
    const connection = await connect(rabbitmqUrl)
    const exists = async (name: string): Promise<boolean> => {
      const channel = await connection.createChannel()
      channel.on('error', () => undefined)
      return channel.checkQueue(name).then(
        () => true,
        () => false,
      )
    }
    const queues = ['', '.retry', '.retry.300', '.retry.1000', '.dlq'].map((end) => `${queue}${end}`)
    expect(await Promise.all(queues.map(exists))).toEqual(queues.map(() => true))

    demo.interrupt()
    expect(await demo.ended).toMatchObject({ status: 130, stderr: 'hapax: stopped\n' })
    expect(await database.tables()).toEqual([])
    expect(await Promise.all(queues.map(exists))).toEqual(queues.map(() => false))
    await connection.close()
  })

  test('removes what it has made in Kafka and MySQL', async () => {
    await using database = await ownMysql()
    const demo = startDemo('--kafka', kafkaBrokers[0] ?? '', '--mysql', database.url, '--inbox', '--payments', '1000')
    const topic = await untilCharged(database)
    const admin = new Kafka({ brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const topics = async (): Promise<readonly string[]> => (await admin.listTopics()).filter((name) => name.startsWith(topic))
    expect(await topics()).toContain(topic)

    demo.interrupt()
    expect(await demo.ended).toMatchObject({ status: 130, stderr: 'hapax: stopped\n' })
    expect(await database.tables()).toEqual([])
    expect(await topics()).toEqual([])
    await admin.disconnect()
  })
})

describe('a demo whose server does not answer', { timeout: 60_000 }, () => {
  test.each([
    ['Kafka', '--kafka', '127.0.0.1:1', '--redis', 'redis://127.0.0.1:1'],
    ['RabbitMQ', '--rabbitmq', 'amqp://127.0.0.1:1', '--redis', 'redis://127.0.0.1:1'],
    ['Redis', '--rabbitmq', rabbitmqUrl, '--redis', 'redis://:secret@127.0.0.1:1'],
    ['PostgreSQL', '--rabbitmq', rabbitmqUrl, '--postgres', 'postgres://me:secret@127.0.0.1:1/shop'],
    ['MySQL', '--rabbitmq', rabbitmqUrl, '--mysql', 'mysql://me:secret@127.0.0.1:1/shop'],
  ])('says in one line that it is %s', async (name, ...words) => {
    const { status, stdout, stderr } = await startDemo(...words).ended
    expect(stderr).toMatch(new RegExp(`^hapax: ${name} at 127\\.0\\.0\\.1:1 does not answer: .*ECONNREFUSED.*\n$`))
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })
})
