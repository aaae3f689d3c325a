import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { postgresOutbox } from 'hapax/stores/postgres'
import { kafkaBrokers, postgresUrl, rabbitmqUrl } from '../services/places.js'
import { runExample } from './child.js'
import type { Channel, ChannelModel } from 'amqplib'
import type { Child } from './child.js'

const name = `hapax_test_${randomUUID().slice(0, 8)}`
const own = 'hapax-test'
const patiently = { timeout: 40_000, interval: 50 }

const kafka = new Kafka({ brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING })
const admin = kafka.admin()
const reader = kafka.consumer({ groupId: `${name}-reader`, maxWaitTimeInMs: 100 })
const server = new Pool({ connectionString: postgresUrl })
const databaseUrl = Object.assign(new URL(postgresUrl), { pathname: name }).href
const database = new Pool({ connectionString: databaseUrl, application_name: own })
// When the database is dropped, connections that say goodbye may be cut before they have.
database.on('error', () => undefined)
let rabbitmq: ChannelModel
let channel: Channel
let child: Child | undefined
/** What was told on Kafka: the order of each `hapax-id`, however often it came. */
const told = new Map<string, string>()

beforeAll(async () => {
  await Promise.all([admin.connect(), reader.connect(), server.query(`create database ${name}`)])
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 2 }], waitForLeaders: true })
  await reader.subscribe({ topics: [name], fromBeginning: true })
  await reader.run({
    async eachMessage({ message: { headers, value } }) {
      const { id } = JSON.parse(String(value)) as { readonly id: string }
      told.set(String(headers?.['hapax-id']), id)
    },
  })
  rabbitmq = await connect(rabbitmqUrl)
  channel = await rabbitmq.createChannel()
  await channel.assertQueue(name, { durable: true })
  // Without a primary key, in which an order that is kept twice would be seen twice.
  await ask('create table orders (id text, cents integer)')
  await ask(postgresOutbox(database).createTable)
})
afterEach(() => child?.signal('SIGKILL'))
afterAll(async () => {
  await child?.ended
  for (const queue of ['', '.retry', '.retry.1000', '.retry.10000', '.retry.60000', '.retry.600000', '.dlq']) {
    await channel.deleteQueue(`${name}${queue}`)
  }
  await rabbitmq.close()
  await reader.disconnect()
  await admin.deleteTopics({ topics: [name] })
  await Promise.all([admin.disconnect(), database.end()])
  await server.query(`drop database ${name} with (force)`)
  await server.end()
})

async function ask(text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await database.query<Record<string, unknown>>(text)).rows
}

function start(): Child {
  return (child = runExample('order-service.ts', {
    DATABASE_URL: databaseUrl,
    KAFKA_BROKER: kafkaBrokers[0] ?? '',
    RABBITMQ_URL: rabbitmqUrl,
    PAYMENTS_QUEUE: name,
    PAID_TOPIC: name,
    LEASE_MS: '3000',
  }))
}

function pay(...ids: readonly string[]): void {
  for (const id of ids) channel.sendToQueue(name, Buffer.from(JSON.stringify({ id, cents: 500 })), { persistent: true })
}

const kept = async (ids: string): Promise<unknown[]> =>
  (await ask(`select id from orders where id like '${ids}' order by id`)).map(({ id }) => id)
const toldOf = (prefix: string): string[] => [...told.values()].filter((id) => id.startsWith(prefix)).toSorted()
const numbered = (prefix: string): string[] => Array.from({ length: 12 }, (_, index) => `${prefix}-${index}`)

test('each order that was paid for is kept once and told once, and the service ends in order', { timeout: 90_000 }, async () => {
  // A sequence does not take part in a rollback: it is only the first time that this order fails.
  await ask('create sequence tries')
  await ask(`create function fail_first() returns trigger language plpgsql as
    $$ begin if nextval('tries') = 1 then raise exception 'The first time fails'; end if; return new; end $$`)
  await ask(`create trigger fails before insert on orders for each row when (new.id = 'paid-failing') execute function fail_first()`)
  const all = ['paid-failing', 'paid-last', ...numbered('paid')].toSorted()

  pay('paid-failing', ...numbered('paid'), ...numbered('paid'))
  const running = start()
  await expect.poll(() => toldOf('paid').length, patiently).toBe(13)
  pay(...numbered('paid'), 'paid-last')
  await expect.poll(() => toldOf('paid'), patiently).toEqual(all)
  running.signal('SIGTERM')
  expect(await running.ended, running.output()).toBe(0)

  expect(await kept('paid%')).toEqual(all)
  expect(await ask('select last_value::int as tries from tries')).toEqual([{ tries: 2 }])
  expect(await ask('select from hapax_outbox')).toEqual([])
  expect(await channel.checkQueue(`${name}.dlq`)).toMatchObject({ messageCount: 0 })
})

test('killed in the middle and started again it has lost nothing, and kept nothing twice', { timeout: 90_000 }, async () => {
  // What is published cannot be taken out of the outbox, and one order is stopped between its row and its message.
  await ask(`create function wait_outside() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock_shared(tg_argv[0]::bigint); return coalesce(new, old); end $$`)
  await ask('create trigger published before delete on hapax_outbox for each row execute function wait_outside(1)')
  await ask(
    `create trigger half before insert on hapax_outbox for each row when (new.head like '%killed-half%') execute function wait_outside(2)`,
  )
  const gate = await database.connect()
  await gate.query('select pg_advisory_lock(1), pg_advisory_lock(2)')
  const waiting = async (): Promise<number> => (await ask('select distinct objid from pg_locks where not granted')).length
  const others = `from pg_stat_activity where datname = current_database() and application_name <> '${own}'`

  pay(...numbered('killed'), 'killed-half', ...numbered('killed'), 'killed-half')
  const killed = start()
  await expect.poll(() => toldOf('killed').length, patiently).toBeGreaterThan(0)
  await expect.poll(waiting, patiently).toBe(2)
  killed.signal('SIGKILL')
  await killed.ended
  // The server would find out by itself, but only when it had waited to the end.
  await ask(`select pg_terminate_backend(pid) ${others}`)
  await expect.poll(async () => (await ask(`select ${others}`)).length, patiently).toBe(0)
  await gate.query('select pg_advisory_unlock_all()')
  gate.release()
  expect(await kept('killed-half')).toEqual([])
  expect(await ask('select from hapax_outbox')).not.toEqual([])

  const all = ['killed-half', ...numbered('killed')].toSorted()
  const running = start()
  await expect.poll(() => toldOf('killed'), patiently).toEqual(all)
  await expect.poll(() => ask('select from hapax_outbox'), patiently).toEqual([])
  running.signal('SIGTERM')
  expect(await running.ended, running.output()).toBe(0)
  expect(await kept('killed%')).toEqual(all)
})
