import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { sqliteOutbox } from 'hapax/stores/sqlite'
import { bodiesIn, inKey, inOutboxPlace, upTo } from './outbox-place.js'
import { longWindow, writeRow } from './place.js'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Cases } from './place.js'

/** Which transactions the outbox takes, and how it hears of their end. */
export function outboxTransactions(client: Client): Cases {
  const at = inOutboxPlace(client)
  return {
    'in a transaction that is the user’s own, messages are stored with it': at(async ({ outbox, open, has }) => {
      const [mine, own] = [outbox(), open()]
      for (const end of ['rollback', 'commit']) {
        own.exec('begin')
        writeRow(own, 'a row')
        await mine.send(own, [...inKey('a', 1, 2), ...inKey('b', 1)])
        assert.equal((await mine.depth()).waiting, 0)
        own.exec(end)
      }
      own.close()
      assert.ok(has('a row'))
      assert.deepEqual((await bodiesIn(mine.table)).toSorted(), ['a1', 'a2', 'b1'])
    }),
    'no message is stored where no transaction is open, or it is over': at(async ({ outbox, open, store }) => {
      const mine = outbox()
      const idle = open()
      if (idle.isTransaction !== undefined || idle.inTransaction !== undefined)
        await assert.rejects(mine.send(idle, inKey('a', 1)), /No transaction is open/)
      idle.close()
      let late: SqliteHandle | undefined
      await store().transaction(async (tx) => void (late = tx))
      assert.ok(late)
      await assert.rejects(mine.send(late, inKey('a', 1)), /This transaction is over/)
      assert.equal((await mine.depth()).waiting, 0)
    }),
    'on an open database in memory, it works between its transactions': async () => {
      const handle = client.open(':memory:')
      const mine = sqliteOutbox(handle)
      await mine.applySchema()
      await mine.table.check()
      handle.exec('begin')
      await mine.send(handle, inKey('a', 1, 2))
      await assert.rejects(mine.depth(), /A transaction is open/)
      handle.exec('commit')
      assert.deepEqual(await bodiesIn(mine.table), ['a1', 'a2'])
      await mine.close()
      handle.exec('select 1')
      handle.close()
    },
    'messages of one transaction that are sent side by side are stored': at(async ({ outbox, store }) => {
      const [mine, its] = [outbox(), store()]
      await its.transaction(async (tx) => {
        await Promise.all([
          ...upTo(20).map((number) => mine.send(tx, inKey('a', number))),
          its.claimIn(tx, 'a key', longWindow),
          mine.send(tx, inKey('b', 1)),
        ])
      })
      assert.equal((await mine.depth()).waiting, 21)
    }),

    'commits are told of when they are done, and no more once that was ended': at(async ({ outbox, store }) => {
      const [mine, another, its] = [outbox(), outbox(), store()]
      let told = 0
      let wake = (): void => undefined
      const end = await another.table.listen(() => {
        told += 1
        wake()
      })
      for (const count of [1, 2, 3]) {
        const isTold = new Promise<void>((resolve) => (wake = resolve))
        await its.transaction(async (tx) => {
          await mine.send(tx, inKey('a', 1))
          await mine.send(tx, inKey('a', 2))
          for (let turns = 0; turns < 20; turns += 1) await turn()
          assert.equal(told, count - 1)
        })
        await isTold
        assert.equal((await mine.depth()).waiting, count * 2)
      }
      await end()
      await its.transaction((tx) => mine.send(tx, inKey('a', 1)))
      for (let turns = 0; turns < 20; turns += 1) await turn()
      assert.equal(told, 3)
    }),
    'of transactions one right after the other, the last is told of, too': at(async ({ outbox, store }) => {
      const [mine, its] = [outbox(), store()]
      let known = 0
      let looking = Promise.resolve()
      let wake = (): void => undefined
      const all = new Promise<void>((resolve) => (wake = resolve))
      const end = await mine.table.listen(() => {
        looking = looking.then(async () => {
          known = (await mine.depth()).waiting
          if (known === 200) wake()
        })
      })
      await Promise.all(upTo(200).map((number) => its.transaction((tx) => mine.send(tx, inKey('a', number)))))
      await all
      await end()
    }),
  }
}
