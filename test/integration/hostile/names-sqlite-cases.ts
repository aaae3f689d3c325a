import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sqliteOutbox, sqliteStore } from 'hapax/stores/sqlite'
import { memoryBroker } from 'hapax/transports/memory'
import { makePlace } from '../stores/sqlite/place.js'
import { claimed, long } from '../stores/table.js'
import { anyName, hostileNames, unlessRefused } from './names.js'
import type { SuiteCase } from 'hapax/testing'
import type { Client } from '../stores/sqlite/client.js'
import type { Place } from '../stores/sqlite/place.js'

const tablesOf = ({ beside }: Place): readonly string[] =>
  beside
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite@_%' escape '@'")
    .all()
    .map((row) => String(Object.values(row as object)[0]))

export function nameCases(client: Client): Readonly<Record<string, readonly SuiteCase[]>> {
  const inPlace = (play: (place: Place) => Promise<void>) => async (): Promise<void> => {
    const place = await makePlace(client)
    try {
      place.beside.exec('create table canary as select 1 as song')
      await play(place)
      assert.equal(place.beside.prepare('select song from canary').all().length, 1)
    } finally {
      await place.leave()
    }
  }
  const useTable = async (place: Place, name: string): Promise<void> => {
    // Names of SQLite's tables are the same in capitals.
    if (tablesOf(place).includes(name.toLowerCase())) return
    const before = tablesOf(place)
    const store = unlessRefused('table', () => sqliteStore(place.open, { table: name }))
    if (!store) return
    await store.applySchema()
    assert.deepEqual(tablesOf(place).toSorted(), [...before, name].toSorted())
    await store.check(() => undefined)
    assert.equal(await store.complete(await claimed(store, 'a record'), 60_000), true)
    assert.deepEqual(await store.claim('a record', { nonce: 'another', ...long }), { status: 'duplicate' })
    await store.close()
    place.beside.exec(`drop table "${name}"`)
  }
  return {
    names: [
      {
        name: 'a table has exactly the name that was asked for, or the name is refused; others are left alone',
        run: inPlace(async (place) => {
          for (const name of hostileNames) await useTable(place, name)
          await fc.assert(
            fc.asyncProperty(anyName, (name) => useTable(place, name)),
            { numRuns: 60 },
          )
        }),
      },
      {
        name: 'an outbox publishes from a table of any name that it takes',
        run: inPlace(async (place) => {
          for (const name of ['select', 'Select', 'user', '_', 'x'.repeat(48)]) {
            const outbox = sqliteOutbox(place.open, { table: name })
            await outbox.applySchema()
            const relay = await outbox.relay(memoryBroker(), { pollMs: 20 })
            await place.store().transaction((tx) => outbox.send(tx, { destination: name, body: 'm' }))
            while ((await outbox.depth()).waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5))
            await relay.stop()
            await outbox.close()
            place.beside.exec(`drop table "${name}"; drop table "${name}_lanes"`)
          }
        }),
      },
    ],
  }
}
