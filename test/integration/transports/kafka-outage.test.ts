import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Kafka, PartitionAssigners, logLevel } from 'kafkajs'
import { followConnections } from '../../../adapters/transports/kafka/connecting.js'
import { startKafka } from '../../services/kafka.js'
import { openProxy } from '../../services/proxy.js'
import { makeHandler, marksOf, openLab, sleep, until, type Lab } from './kafka-lab.js'
import type { Connections } from '../../../adapters/transports/kafka/connecting.js'
import type { Proxy } from '../../services/proxy.js'
import type { Server } from '../../services/server.js'

/** The inside of kafkajs that is looked at. */
interface Builder {
  build(at: { host: string; port: number }): Promise<{ getConnection(): Promise<unknown> }>
}

// A broker of its own: this one is killed.
const port = Number(process.env['HAPAX_TEST_OUTAGE_PORT'] ?? 19_292)
const dir = mkdtempSync(join(tmpdir(), 'hapax-kafka-'))
let server: Server
let proxy: Proxy
let lab: Lab
beforeAll(async () => {
  proxy = await openProxy({ host: '127.0.0.1', port: port + 2 })
  server = await startKafka({ port, dir, proxied: { port: port + 2, advertisedPort: proxy.port } })
})
afterAll(async () => {
  proxy?.close()
  await server?.kill()
  rmSync(dir, { recursive: true, force: true })
})
beforeEach(async () => {
  lab = await openLab({ broker: `127.0.0.1:${port}`, partitions: 2 })
})
afterEach(() => lab.close())

it('rides out a broker that is killed and comes back: held meanwhile, nothing lost', async () => {
  const { consume, send } = lab
  const settled = new Set<string>()
  const handler = makeHandler(async ({ text, delivery }) => {
    if (Number(text.slice(1)) % 10 === 0 && delivery.attempts === 0) {
      for (;;) {
        try {
          await delivery.postpone(500, marksOf(delivery, { attempts: 1 }))
          return
        } catch {
          await sleep(200)
        }
      }
    }
    await delivery.ack()
    settled.add(text)
  })
  const consumption = await consume(handler, { startFrom: 'earliest', sessionTimeoutMs: 10_000 })
  const sent: string[] = []
  let sending = true
  const sender = (async () => {
    for (let n = 0; sending; n += 1) {
      const value = `m${n}`
      await send([{ value, key: `k${n % 7}` }]).then(
        () => sent.push(value),
        () => undefined,
      )
      await sleep(10)
    }
  })()
  await until('some are settled', () => settled.size > 100)
  await server.kill()
  await until('it is held', () => consumption.status === 'held')
  await sleep(2_000)
  await server.restart()
  await until('it runs again', () => consumption.status === 'running', 60_000)
  const before = sent.length
  await until('more was sent', () => sent.length > before + 100, 60_000)
  sending = false
  await sender
  await until('all that was sent is settled', () => sent.every((value) => settled.has(value)), 60_000)
  const kinds = handler.troubles.map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'broker-away')).toHaveLength(1)
  expect(kinds.filter((kind) => kind === 'recovered')).toHaveLength(1)
  // As one member: a new one would have waited for the old one's session to end, and have been handed much again.
  const repeats = handler.seen.length - new Set(handler.seen.map(({ text, delivery }) => `${text} ${delivery.attempts}`)).size
  expect(repeats).toBeLessThan(200)
}, 180_000)

it('rides out a broker that stops answering', async () => {
  const { consume, send } = lab
  const settled = new Set<string>()
  const handler = makeHandler(async ({ text, delivery }) => {
    await delivery.ack()
    settled.add(text)
  })
  const consumption = await consume(handler, { startFrom: 'earliest', sessionTimeoutMs: 10_000 })
  await send([{ value: 'before' }])
  await until('it is settled', () => settled.has('before'))
  server.pause()
  try {
    await until('it is held', () => consumption.status === 'held')
  } finally {
    server.resume()
  }
  await until('it runs again', () => consumption.status === 'running', 60_000)
  await send([{ value: 'after' }])
  await until('it is settled', () => settled.has('after'), 60_000)
}, 180_000)

it('rejects what is published while the broker is away, and goes on afterwards', async () => {
  const { transport, topic, read } = lab
  const publisher = transport({ publishTimeoutMs: 2_000 })
  await publisher.publish([{ destination: topic, body: 'before' }])
  await server.kill()
  const begun = Date.now()
  const results = await Promise.allSettled(
    Array.from({ length: 1_200 }, (_, n) => publisher.publish([{ destination: topic, body: `m${n}` }])),
  )
  expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  expect(Date.now() - begun).toBeLessThan(10_000)
  await server.restart()
  await until('it publishes again', () =>
    publisher.publish([{ destination: topic, body: 'after' }]).then(
      () => true,
      () => false,
    ),
  )
  // What was rejected as unknown may still arrive while it is read.
  await until('it is there', async () => (await read(topic)).some(({ value }) => value === 'after'))
}, 180_000)

it('lets kafkajs open a broken connection once, and closes those that it has forgotten', async () => {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${proxy.port}`], logLevel: logLevel.NOTHING })
  let connections: Connections | undefined
  let builder: Builder | undefined
  const consumer = kafka.consumer({
    groupId: `${lab.topic}-forgetful`,
    partitionAssigners: [
      ({ cluster }) => {
        connections = followConnections(cluster)
        builder = (cluster as unknown as { connectionPoolBuilder: Builder }).connectionPoolBuilder
        return PartitionAssigners.roundRobin({ cluster } as Parameters<typeof PartitionAssigners.roundRobin>[0])
      },
    ],
  })
  await consumer.connect()
  await consumer.subscribe({ topic: lab.topic })
  await consumer.run({ eachMessage: () => Promise.resolve() })
  await until('it is connected', () => connections !== undefined && proxy.connections > 0)
  // As kafkajs does with a broker whose address it looks up again, and as two requests do that find its connection broken.
  const forgotten = await builder?.build({ host: '127.0.0.1', port: proxy.port })
  const before = proxy.connections
  await Promise.all([forgotten?.getConnection(), forgotten?.getConnection()])
  await until('it is open', () => proxy.connections > before)
  await consumer.disconnect()
  await until('only the forgotten one is left', () => proxy.connections === 1)
  await connections?.close()
  await until('none is left', () => proxy.connections === 0)
  // As a commit does that is tried again.
  await expect(forgotten?.getConnection()).rejects.toThrow('closed')
  expect(proxy.connections).toBe(0)
}, 60_000)

it('stops in time though the broker is away', async () => {
  const { consume, send } = lab
  const hanging = makeHandler(() => new Promise(() => undefined))
  await send([{ value: 'm' }])
  const consumption = await consume(hanging, { startFrom: 'earliest', graceMs: 1_000 })
  await until('it runs', () => hanging.seen.length === 1)
  await server.kill()
  const begun = Date.now()
  await consumption.stop()
  expect(Date.now() - begun).toBeLessThan(15_000)
  await expect(lab.transport().consume(hanging)).rejects.toThrow()
  await server.restart()
}, 180_000)
