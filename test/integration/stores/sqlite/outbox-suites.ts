import { outboxSuite } from 'hapax/testing'
import { sqliteOutbox, sqliteStore } from 'hapax/stores/sqlite'
import { makePlace } from './place.js'
import type { SuiteCase } from 'hapax/testing'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Client } from './client.js'

/** The suite of the outbox, on a file of each journal mode, and with integers as BigInt. */
export function outboxSuites(client: Client): Readonly<Record<string, readonly SuiteCase[]>> {
  return {
    'the outbox in a file with a write-ahead log': onFiles(client, 'wal'),
    'the outbox in a file with a rollback journal': onFiles(client, 'delete'),
    'the outbox with integers as BigInt': onFiles(client, 'wal', (file) => client.openForBigInts(file)),
  }
}

function onFiles(
  client: Client,
  journal: 'wal' | 'delete',
  openFile: (file: string) => SqliteHandle = (file) => client.open(file),
): readonly SuiteCase[] {
  return outboxSuite<SqliteHandle>({
    wakes: true,
    sideBySide: false,
    async open() {
      const place = await makePlace(client, journal)
      const open = (): SqliteHandle => openFile(place.file)
      await using making = sqliteOutbox(open)
      await making.applySchema()
      return {
        openHandle() {
          const store = sqliteStore(open)
          const outbox = sqliteOutbox(open)
          return {
            outbox,
            transaction: (run) => store.transaction(run),
            async close() {
              await outbox.close()
              await store.close()
            },
          }
        },
        close: () => place.leave(),
      }
    },
  })
}
