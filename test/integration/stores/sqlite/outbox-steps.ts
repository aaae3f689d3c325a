import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { hasCode } from 'hapax'
import { sqliteOutbox } from 'hapax/stores/sqlite'
import { outboxStatementsFor } from '../../../../adapters/stores/sqlite/outbox-statements.js'
import { inKey, inOutboxPlace, intoFile, taking, upTo } from './outbox-place.js'
import { playOutbox } from './program.js'
import type { Client } from './client.js'
import type { Cases } from './place.js'
import type { Database } from './program.js'

const conflict = (error: unknown): boolean => hasCode(error, 'transaction-conflict')
const refusal =
  (words: string) =>
  (error: unknown): boolean =>
    hasCode(error, 'configuration') && (error as Error).message.includes(words)

/** What the outbox does beyond the suite: its one writer, its connections, its statements. */
export function outboxSteps(client: Client): Cases {
  const at = inOutboxPlace(client)
  return {
    'check names what is wrong with the tables, and makes the lanes': at(async ({ outbox, beside, file }) => {
      await outbox().table.check()
      const [lanes] = beside.prepare('select count(*) from hapax_outbox_lanes').all()
      assert.deepEqual(Object.values(lanes as object), [64])
      await assert.rejects(outbox({ table: 'missing' }).table.check(), refusal('run applySchema()'))
      beside.exec(outbox({ table: 'later' }).createTable.replace(' autoincrement', ''))
      await assert.rejects(outbox({ table: 'later' }).table.check(), refusal('key: autoincrement)'))
      await outbox({ table: 'slow' }).applySchema()
      beside.exec('drop index slow_lane')
      await assert.rejects(outbox({ table: 'slow' }).table.check(), refusal('key: index slow_lane)'))
      await outbox({ table: 'slow' }).applySchema()
      await outbox({ table: 'slow' }).table.check()
      beside.exec('drop table slow_lanes')
      await assert.rejects(outbox({ table: 'slow' }).table.check(), refusal('table slow_lanes is missing'))
      const readOnly = sqliteOutbox(() => client.open(file, { readOnly: true }))
      await assert.rejects(readOnly.table.check(), refusal('read-only'))
      await readOnly.close()
      await assert.rejects(sqliteOutbox(() => client.open(':memory:')).table.check(), refusal('in memory'))
    }),
    'a closed outbox takes nothing': at(async ({ outbox, store }) => {
      const mine = outbox()
      await mine.close()
      await assert.rejects(
        store().transaction((tx) => mine.send(tx, inKey('a', 1))),
        /was closed/,
      )
      await assert.rejects(mine.depth(), /was closed/)
    }),

    'to look and to read, nobody is waited for; to take, the one writer is': at(async ({ outbox, send, beside }) => {
      const { table } = outbox({ lockWaitMs: 0 })
      await table.check()
      await send('a', 1)
      const lanes = await table.takeLanes(taking)
      beside.exec('begin immediate')
      assert.deepEqual(await table.takeLanes({ ...taking, nonce: 'another' }), [])
      assert.equal((await table.read(lanes, 10)).length, 1)
      assert.equal((await table.depth()).waiting, 1)
      assert.deepEqual(await table.listSetAside(10), [])
      await table.sweep()
      await assert.rejects(table.keepLanes(taking.nonce, lanes, 60_000), conflict)
      beside.exec('commit')
      assert.deepEqual(await table.keepLanes(taking.nonce, lanes, 60_000), lanes)
    }),
    'a look that finds nothing writes nothing': at(async ({ outbox, beside }) => {
      const { table } = outbox()
      await table.check()
      const version = () =>
        beside
          .prepare('pragma data_version')
          .all()
          .map((row) => Object.values(row as object))
      const before = version()
      await table.takeLanes(taking)
      await table.sweep()
      assert.deepEqual(version(), before)
    }),
    'while a transaction of this process is open, the process goes on, and a relay after it': at(
      async ({ outbox, store, send, log, published, drained }) => {
        const [mine, its] = [outbox({ lockWaitMs: 600_000 }), store()]
        await send('a', 1)
        const lanes = await mine.table.takeLanes(taking)
        const [first] = await mine.table.read(lanes, 10)
        assert.ok(first)
        let removed = false
        let removing: Promise<void> | undefined
        await its.transaction(async (tx) => {
          await mine.send(tx, inKey('a', 2))
          removing = mine.table.sent([first.position], 0).then(() => void (removed = true))
          for (let turns = 0; turns < 200; turns += 1) await turn()
          assert.equal(removed, false)
          // Neither what it has added is seen, nor what waits for its end.
          assert.deepEqual(await mine.table.read(lanes, 10), [first])
          assert.equal((await mine.depth()).waiting, 1)
        })
        await removing
        await mine.table.giveLanes(taking.nonce, lanes, 0)
        const relay = await mine.relay(intoFile(log))
        await drained()
        await relay.stop()
        assert.deepEqual(published(), ['a2'])
      },
    ),
    'a relay gives way to many short transactions, and they to it': at(async ({ outbox, store, log, published, drained }) => {
      const [mine, its] = [outbox(), store()]
      const relay = await mine.relay(intoFile(log), { batch: 3 })
      for (const part of [0, 1, 2, 3, 4])
        await Promise.all(
          upTo(10).map((key) =>
            its.transaction(async (tx) => {
              await mine.send(tx, inKey(`key-${key}-`, part))
              await turn()
            }),
          ),
        )
      await drained()
      await relay.stop()
      assert.equal(published().length, 50)
      for (const key of upTo(10)) {
        const own = published().filter((text) => text.startsWith(`key-${key}-`))
        assert.deepEqual(
          own,
          [0, 1, 2, 3, 4].map((part) => `key-${key}-${part}`),
        )
      }
    }),

    'a position that was removed is not given again': at(async ({ outbox, send }) => {
      const { table } = outbox()
      await table.check()
      await send('a', 1, 2)
      const lanes = await table.takeLanes(taking)
      const before = (await table.read(lanes, 10)).map(({ position }) => position)
      await table.sent(before, 0)
      await send('a', 3)
      const [after] = await table.read(lanes, 10)
      assert.ok(after && after.position > Math.max(...before))
    }),
    'whatever ANALYZE has found, no statement scans the messages': at(async ({ outbox, send, beside, open }) => {
      await send('a', 1, 2, 3)
      const { table } = outbox()
      await table.check()
      const [first] = await table.read(await table.takeLanes(taking), 1)
      assert.ok(first)
      await table.failed(first.position, { failures: 1, restMs: 1, reason: 'no' })
      beside.exec('analyze')
      const fresh = open()
      const { createTable: _, parts: __, laneParts: ___, ...statements } = outboxStatementsFor('hapax_outbox')
      for (const [name, sql] of Object.entries(statements)) {
        const values = Array.from(sql.matchAll(/\?/g), () => 1)
        const plan = fresh.prepare(`explain query plan ${sql}`).all(...values)
        for (const step of plan)
          assert.doesNotMatch(String((step as { detail: unknown }).detail), /^SCAN (hapax_outbox|waiting|failed)\b/, name)
      }
      fresh.close()
    }),
    'the program of the documentation does what it says': at(async ({ file, beside, log, published }) => {
      beside.exec('create table orders (id text primary key, cents integer)')
      // Either client is a class that opens a file, and this one counts as such.
      const Opens = function (name: string) {
        return client.open(name)
      } as unknown as new (name: string) => Database
      await playOutbox(Opens, file, intoFile(log))
      assert.equal(beside.prepare('select id from orders').all().length, 1)
      assert.deepEqual(published(), ['{"id":"order-1","cents":500}'])
    }),
  }
}
