/** What is needed of pg-transactional-outbox, and where its tables are. */
import { loadPeer } from './load.js'
import { setting } from '../../contract.js'
import type { Pool, PoolClient } from 'pg'
import type { Given } from '../../contract.js'

export interface StoredMessage {
  readonly id: string
  readonly aggregateType: string
  readonly aggregateId: string
  readonly messageType: string
  readonly concurrency: 'parallel'
  readonly payload: { readonly key: string }
}

export interface Outbox {
  readonly DatabaseSetup: Readonly<
    Record<'dropAndCreateTable' | 'createPollingFunction' | 'setupPollingIndexes', (tables: object) => string>
  >
  getDisabledLogger(): object
  initializeMessageStorage(config: object, logger: object): (message: StoredMessage, client: PoolClient) => Promise<void>
  initializePollingMessageListener(
    config: object,
    handler: { handle(message: StoredMessage): Promise<void>; handleError(): Promise<void> },
    logger: object,
    strategies: object,
  ): readonly [stop: () => Promise<void>]
}

export function loadOutbox(): Outbox {
  return loadPeer('pg-transactional-outbox') as Outbox
}

export async function makeTables({ DatabaseSetup }: Outbox, tables: object, pool: Pool): Promise<void> {
  await pool.query(DatabaseSetup.dropAndCreateTable(tables))
  await pool.query(DatabaseSetup.createPollingFunction(tables))
  await pool.query(DatabaseSetup.setupPollingIndexes(tables))
}

export function place({ name, settings }: Given, kind: 'inbox' | 'outbox'): { readonly tables: object; readonly config: object } {
  const connectionString = setting(settings, 'postgres')
  const { pathname, username } = new URL(connectionString)
  const connection = { connectionString }
  return {
    tables: {
      outboxOrInbox: kind,
      database: pathname.slice(1),
      schema: 'public',
      table: name,
      nextMessagesSchema: 'public',
      nextMessagesName: `${name}_next`,
      listenerRole: username,
    },
    config: {
      outboxOrInbox: kind,
      dbListenerConfig: connection,
      dbHandlerConfig: connection,
      settings: {
        dbSchema: 'public',
        dbTable: name,
        nextMessagesFunctionSchema: 'public',
        nextMessagesFunctionName: `${name}_next`,
        nextMessagesBatchSize: 64,
        nextMessagesPollingIntervalInMs: 10,
        nextMessagesLockInMs: 5_000,
        enableMaxAttemptsProtection: true,
        enablePoisonousMessageProtection: false,
      },
    },
  }
}
