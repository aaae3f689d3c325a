import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { connect } from 'amqplib'
import { kafkaTransport } from 'hapax/transports/kafka'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { openLab as openKafkaLab, until } from '../transports/kafka-lab.js'
import { openLab as openRabbitmqLab } from '../transports/rabbitmq-lab.js'
import { watchedHandler } from './strangers.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const names = ["a'; drop --", 'a"\\`', 'a\u0000b', 'a\nb', '../..', '%s {} # * ?', 'ключ 😀', 'x'.repeat(150)]

test('a group of Kafka has exactly the name that was asked for', async () => {
  const lab = await openKafkaLab()
  closers.push(() => lab.close())
  await lab.send([{ value: 'm' }])
  const unique = randomUUID().slice(0, 8)
  await Promise.all(
    names.map(async (name, index) => {
      const groupId = `${unique}${name}`
      const watched = watchedHandler()
      const transport = kafkaTransport(lab.kafka(), {
        topic: lab.topic,
        groupId,
        startFrom: 'earliest',
        retryTopicPrefix: `${lab.topic}.${index}`,
        delayStepsMs: [200],
        decode: () => ({ id: name, fails: false }),
      })
      const consumption = await transport.consume(watched.handler)
      await until(`${name} has it`, () => watched.runs.length === 1)
      await consumption.stop()
      expect(await lab.committed(groupId)).toEqual([1])
      expect(await lab.committed(`${groupId} `)).toEqual([-1])
      await lab.admin.deleteGroups([groupId, `${groupId}.retry`]).catch(() => undefined)
    }),
  )
})

test('the queues of RabbitMQ have exactly the names that were asked for', async () => {
  const lab = await openRabbitmqLab()
  closers.push(() => lab.close())
  const unique = randomUUID().slice(0, 8)
  for (const name of names.filter((each) => !each.includes('\n'))) {
    const queue = `${unique}${name}`
    const options = { queue, delayStepsMs: [50], queueType: 'classic' } as const
    const made = [queue, `${queue}.retry`, `${queue}.retry.50`, `${queue}.dlq`]
    await lab.on((channel) => channel.assertQueue(queue, { durable: true }))
    const watched = watchedHandler()
    const consumption = await rabbitmqTransport(() => connect(lab.url), {
      ...options,
      decode: () => ({ id: name, fails: true }),
    }).consume(watched.handler)
    await lab.send(['m'], { to: queue })
    await until(`${name} is over`, () => watched.ends.size === 1)
    await consumption.stop()
    const [letter] = await lab.read(`${queue}.dlq`)
    expect(letter?.bytes.toString()).toBe('m')
    for (const each of made) await lab.on((channel) => channel.deleteQueue(each, { ifEmpty: each !== `${queue}.dlq` }))
  }
})
