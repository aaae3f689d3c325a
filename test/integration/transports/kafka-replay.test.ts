import { expect, test } from 'vitest'
import { DeadLetterError, idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { openLab, testBroker, until } from './kafka-lab.js'
import { Kafka, logLevel } from 'kafkajs'

test('a dead letter is replayed by putting it into a retry topic of its group, marked as a replay', async () => {
  const lab = await openLab()
  try {
    let broken = true
    const attempts: number[] = []
    const statuses: string[] = []
    const handler = idempotent(
      (_: string, context) => {
        attempts.push(context.attempt)
        if (broken) throw new DeadLetterError('the account is locked')
      },
      { store: memoryStore(), scope: 'test.scope', key: (text) => text, onOutcome: ({ status }) => statuses.push(status) },
    )
    await lab.consume(handler, { startFrom: 'earliest' })
    const { topic, groupId } = lab
    const deadLetterTopic = `${topic}.${groupId}.dlt`
    const retryTopic = `${topic}.${groupId}.retry.1000`
    await lab.send([{ key: 'k', value: 'order-1', headers: { trace: 'abc' } }])
    await until('it is set aside', () => statuses.includes('dead-lettered'))
    broken = false

    // #region replay
    const kafka = new Kafka({ brokers: [testBroker], logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    const consumer = kafka.consumer({ groupId: `${deadLetterTopic}.replay` })
    await Promise.all([producer.connect(), consumer.connect()])
    await consumer.subscribe({ topics: [deadLetterTopic], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) => {
        await producer.send({ topic: retryTopic, messages: [{ key, value, headers: { ...headers, 'hapax-replay': 'true' } }] })
      },
    })
    // #endregion

    await until('it is handled', () => statuses.includes('handled'))
    expect(statuses).toEqual(['dead-lettered', 'handled'])
    expect(attempts).toEqual([1, 1])
    await Promise.all([consumer.disconnect(), producer.disconnect()])
  } finally {
    await lab.close()
  }
})
