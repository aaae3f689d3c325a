/**
 * pg-transactional-outbox as an inbox: the message is stored, and a listener that polls runs the handler in a transaction. It looks every 10 ms for 64
 * messages, as its defaults (500 ms, 5 messages) would be far slower. Its listener leaves rejections behind when it meets rows that it handles itself.
 */
import { createHash } from 'node:crypto'
import { openWaiting } from './waiting.js'
import { loadOutbox, makeTables, place } from './transactional-outbox.js'
import { openPool } from '../postgres/pool.js'
import type { Calls, Setup } from '../../contract.js'
import type { StoredMessage } from './transactional-outbox.js'

export const setup: Setup<Calls> = async (given) => {
  process.on('unhandledRejection', () => undefined)
  const library = loadOutbox()
  const { tables, config } = place(given, 'inbox')
  const pool = openPool(given)
  await makeTables(library, tables, pool)
  const waiting = openWaiting()
  const logger = library.getDisabledLogger()
  const store = library.initializeMessageStorage(config, logger)
  const [stop] = library.initializePollingMessageListener(
    config,
    {
      async handle({ id, payload }: StoredMessage) {
        await given.handle(payload.key)
        // Its transaction commits after this.
        setImmediate(waiting.done, id)
      },
      handleError: async () => undefined,
    },
    logger,
    { messageProcessingTransactionLevelStrategy: () => 'READ COMMITTED' },
  )
  return {
    async call(key) {
      const id = uuidOf(key)
      const handled = waiting.until(id)
      const client = await pool.connect()
      try {
        await store(
          { id, aggregateType: 'order', aggregateId: key, messageType: 'order', concurrency: 'parallel', payload: { key } },
          client,
        )
      } finally {
        client.release()
      }
      await handled
    },
    async close() {
      await stop()
      await pool.end()
    },
  }
}

function uuidOf(key: string): string {
  return createHash('md5')
    .update(key)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
