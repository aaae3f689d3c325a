/** pg-transactional-outbox as an outbox: its listener polls as in the inbox, and its handler sends each message to Kafka. */
import { randomUUID } from 'node:crypto'
import { Partitioners } from 'kafkajs'
import { numberOf, setting } from '../../contract.js'
import { openKafka } from '../kafka/client.js'
import { encode, idOf } from '../kafka/messages.js'
import { openPool } from '../postgres/pool.js'
import { loadOutbox, makeTables, place } from './transactional-outbox.js'
import type { Setup, Stream } from '../../contract.js'

const inOneTransaction = 500

export const setup: Setup<Stream> = async (given) => {
  process.on('unhandledRejection', () => undefined)
  const { name, settings, settled } = given
  const library = loadOutbox()
  const { tables, config } = place(given, 'outbox')
  const pool = openPool(given)
  await makeTables(library, tables, pool)
  const logger = library.getDisabledLogger()
  const store = library.initializeMessageStorage(config, logger)
  const messages = numberOf(settings, 'messages')
  for (let from = 0; from < messages; from += inOneTransaction) {
    const client = await pool.connect()
    await client.query('begin')
    for (let index = from; index < Math.min(messages, from + inOneTransaction); index += 1) {
      const payload = { key: idOf(name, index) }
      await store(
        { id: randomUUID(), aggregateType: 'order', aggregateId: payload.key, messageType: 'order', concurrency: 'parallel', payload },
        client,
      )
    }
    await client.query('commit')
    client.release()
  }
  const producer = openKafka(given).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const topic = setting(settings, 'topic')
  const sent = new Set<string>()
  let stop: (() => Promise<void>) | undefined
  return {
    async start() {
      ;[stop] = library.initializePollingMessageListener(
        config,
        {
          async handle({ id, payload: { key } }) {
            settled(0)
            await producer.send({ topic, messages: [{ key, value: encode(key) }] })
            // It may be handled again when its transaction fails.
            if (sent.has(id)) return
            sent.add(id)
            settled()
          },
          handleError: async () => undefined,
        },
        logger,
        { messageProcessingTransactionLevelStrategy: () => 'READ COMMITTED' },
      )
    },
    async close() {
      await stop?.()
      await producer.disconnect()
      await pool.end()
    },
  }
}
