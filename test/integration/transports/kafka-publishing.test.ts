import { afterEach, describe, expect, test } from 'vitest'
import { publisherSuite } from '../../../testing/publisher-suite.js'
import { mortalKafka, openLab, testBroker, until, type Lab, type LabOptions } from './kafka-lab.js'
import type { Kafka } from 'kafkajs'
import type { KafkaProducer, ProducerConfig } from '../../../adapters/transports/kafka/client.js'
import type { PublisherBench } from '../../../testing/publisher-suite.js'

const labs: Lab[] = []
const lab = async (options?: LabOptions): Promise<Lab> => {
  const opened = await openLab(options)
  labs.push(opened)
  return opened
}
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`)

async function open(): Promise<PublisherBench> {
  const lab = await openLab()
  const destination = `${lab.topic}-published`
  await lab.create(destination, { numPartitions: 3, configEntries: [{ name: 'max.message.bytes', value: '300000' }] })
  const publisher = lab.transport()
  return {
    publisher,
    destination,
    async read() {
      return (await lab.read(destination)).map(({ bytes, headers, key }) => ({
        bytes: bytes ?? new Uint8Array(0),
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
        orderingKey: key,
      }))
    },
    closePublisher: () => publisher.close(),
    close: () => lab.close(),
  }
}

/** Small enough to travel in one request with others, and too large for the topic. */
const refused = (destination: string) => ({ destination, body: new Uint8Array(350_000) })

describe('the suite', () => {
  for (const each of publisherSuite({ open, refused })) test(each.name, each.run)
})

describe('refusals', () => {
  const refusalOf = async (publishing: Promise<void>): Promise<{ readonly code: string; readonly cause: unknown }> => {
    const [result] = await Promise.allSettled([publishing])
    if (result.status === 'fulfilled') throw new Error('it was confirmed')
    return result.reason as { readonly code: string; readonly cause: unknown }
  }

  test('name what Kafka said as their cause: a topic that is not there, or cannot be, a message without a key where one is needed', async () => {
    const { transport, topic, create } = await lab()
    const publisher = transport()
    const compacted = `${topic}-compacted`
    await create(compacted, { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] })
    for (const [message, said] of [
      [{ destination: `${topic}-nowhere`, body: 'm', orderingKey: 'k' }, /does not host this topic-partition/],
      [{ destination: 'no topic!', body: 'm' }, /invalid topic/],
      [{ destination: compacted, body: 'm' }, /failed the validation/],
      [{ destination: topic, body: new Uint8Array(2_000_000) }, /larger than the max message size/],
    ] as const) {
      const { code, cause } = await refusalOf(publisher.publish([message]))
      expect(code).toBe('publish-refused')
      expect(String(cause)).toMatch(/^KafkaJS/)
      expect((cause as Error).message).toMatch(said)
    }
    await publisher.publish([
      { destination: compacted, body: 'm', orderingKey: 'k' },
      { destination: topic, body: 'm' },
    ])
  })

  test('come before anything is sent where no broker could take a message', async () => {
    const { transport, topic, read } = await lab()
    const publisher = transport()
    for (const wrong of [{ headers: { bad: 5 } }, { headers: { bad: new Uint8Array(3) } }, { orderingKey: 7 }, { id: 7 }, { body: null }]) {
      const list = [{ destination: topic, body: 'm' }, { destination: topic, body: 'm', ...wrong } as never]
      expect((await refusalOf(publisher.publish(list))).code).toBe('publish-refused')
    }
    expect(await read(topic)).toEqual([])
  })

  test('are none of others when a topic is gone that was published to before', async () => {
    const { transport, topic, create, admin, read } = await lab()
    const publisher = transport()
    const gone = `${topic}-gone`
    await create(gone)
    await publisher.publish([
      { destination: gone, body: 'm' },
      { destination: topic, body: 'before' },
    ])
    await admin.deleteTopics({ topics: [gone] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(gone))
    const results = await Promise.allSettled([
      refusalOf(publisher.publish([{ destination: gone, body: 'm', orderingKey: 'k' }])),
      ...numbered(20).map((body) => publisher.publish([{ destination: topic, body, orderingKey: body }])),
    ])
    expect(results[0]).toMatchObject({ status: 'fulfilled', value: { code: 'publish-refused' } })
    expect(results.slice(1).filter(({ status }) => status === 'rejected')).toEqual([])
    expect(new Set((await read(topic)).map(({ value }) => value))).toEqual(new Set(['before', ...numbered(20)]))
  })

  test('are no faults that may pass: nobody there, nobody answers in time, and too few replicas', async () => {
    const { transport, topic, create } = await lab()
    const client = mortalKafka(testBroker)
    const publisher = transport({ client: client.kafka, publishTimeoutMs: 1_000 })
    await publisher.publish([{ destination: topic, body: 'm' }])
    client.cutSilently()
    expect((await refusalOf(publisher.publish([{ destination: topic, body: 'm' }]))).code).not.toBe('publish-refused')
    client.kill()
    expect((await refusalOf(publisher.publish([{ destination: topic, body: 'm' }]))).code).not.toBe('publish-refused')
    client.revive()
    await until('it publishes again', () =>
      publisher.publish([{ destination: topic, body: 'm' }]).then(
        () => true,
        () => false,
      ),
    )
    const starved = `${topic}-starved`
    await create(starved, { configEntries: [{ name: 'min.insync.replicas', value: '2' }] })
    const [result] = await Promise.allSettled([publisher.publish([{ destination: starved, body: 'm' }])])
    // Newer brokers need no more replicas than the topic has.
    if (result.status === 'rejected') expect((result.reason as { code: string }).code).not.toBe('publish-refused')
  })
})

describe('the order of a list', () => {
  const keys = Array.from({ length: 10 }, (_, index) => `k${index}`)
  const listFor = (topic: string, count: number) =>
    numbered(count).flatMap((text) => keys.map((key) => ({ destination: topic, body: `${key} ${text}`, orderingKey: key })))
  /** Each where it came first: what is published again may be there twice. */
  const firsts = (found: readonly { readonly value: string | undefined }[], key: string) =>
    [...new Set(found.map(({ value }) => value ?? ''))].filter((text) => text.startsWith(`${key} `))

  test('has no key of a list in two requests at the same time, and lists of many callers in one', async () => {
    const { kafka, transport, topic } = await lab({ partitions: 3 })
    const client = kafka()
    const inFlight = new Map<string, number>()
    let most = 0
    let requests = 0
    const watched = (config: ProducerConfig): KafkaProducer => {
      const producer = client.producer(config)
      return {
        ...producer,
        async sendBatch(batch) {
          requests += 1
          const held = new Set(batch.topicMessages.flatMap(({ messages }) => messages.map(({ key }) => String(key))))
          for (const key of held) inFlight.set(key, (inFlight.get(key) ?? 0) + 1)
          most = Math.max(most, ...[...held].map((key) => inFlight.get(key) ?? 0))
          try {
            return await producer.sendBatch(batch)
          } finally {
            for (const key of held) inFlight.set(key, (inFlight.get(key) ?? 0) - 1)
          }
        },
      }
    }
    const publisher = transport({
      client: Object.assign(Object.create(client) as Kafka, { producer: watched }),
    })
    await publisher.publish(listFor(topic, 1_300))
    expect(most).toBe(1)
    requests = 0
    await Promise.all(keys.map((key) => publisher.publish(numbered(5).map((body) => ({ destination: topic, body, orderingKey: key })))))
    expect(requests).toBe(1)
    await publisher.close()
  })

  test('is kept where lists of small messages are more than the topic takes at once', async () => {
    const { transport, topic, create, read } = await lab()
    const small = `${topic}-small`
    await create(small, { configEntries: [{ name: 'max.message.bytes', value: '5000' }] })
    const publisher = transport()
    const list = listFor(small, 100)
    const tooLarge = { destination: small, body: 'x'.repeat(20_000), orderingKey: 'k3' }
    await expect(publisher.publish([...list.slice(0, 333), tooLarge, ...list.slice(333)])).rejects.toMatchObject({
      code: 'publish-refused',
    })
    const found = await read(small)
    for (const key of keys) {
      const wanted = list.filter(({ orderingKey }) => orderingKey === key).map(({ body }) => body)
      // 33 rounds of all keys, and three messages more, are before it.
      expect(firsts(found, key)).toEqual(key === 'k3' ? wanted.slice(0, 33) : wanted)
    }
  })

  test('is kept when connections are cut while it is sent, and nothing that was confirmed is missing', async () => {
    const { transport, topic, admin, read } = await lab({ partitions: 3 })
    const client = mortalKafka(testBroker)
    const publisher = transport({ client: client.kafka })
    const list = listFor(topic, 2_000)
    const stored = async (): Promise<number> => (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)
    let over = false
    const publishing = (async () => {
      // As a relay does: what was not confirmed is sent again.
      while (
        !(await publisher.publish(list).then(
          () => true,
          () => false,
        ))
      ) {
        // again
      }
      over = true
    })()
    for (let cuts = 0, before = 0; cuts < 3 && !over; cuts += 1) {
      await until('more is stored', async () => over || (await stored()) > before)
      before = await stored()
      client.kill()
      client.revive()
    }
    await publishing
    const found = await read(topic)
    for (const key of keys) {
      expect(firsts(found, key)).toEqual(list.filter(({ orderingKey }) => orderingKey === key).map(({ body }) => body))
    }
  })
})

test('closing lets go of every connection, with requests on their way', async () => {
  const { transport, topic } = await lab()
  const client = mortalKafka(testBroker)
  const publisher = transport({ client: client.kafka })
  await publisher.publish([{ destination: topic, body: 'm' }])
  const publishing = Promise.allSettled(numbered(2_000).map((body) => publisher.publish([{ destination: topic, body }])))
  await publisher.close()
  await publishing
  await until('no connection is open', () => client.connections() === 0)
})
