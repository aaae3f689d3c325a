import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { hasCode } from 'hapax'
import { sendInAny } from '../../../../adapters/stores/sqlite/transactions.js'
import { inPlace, longWindow, statusOf, writeRow } from './place.js'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Cases } from './place.js'

const send = (tx: SqliteHandle, row: string, lockWaitMs = 600_000) =>
  sendInAny(tx, lockWaitMs, 'insert into rows values (?) returning 1', row)

/** Statements that are to be part of a transaction, whosever it is. */
export function sending(client: Client): Cases {
  const at = inPlace(client)
  return {
    'are sent in one that a store has handed out, side by side, too': at(async ({ store, has }) => {
      const mine = store()
      await mine.transaction(async (tx) => {
        await Promise.all([send(tx, 'one'), send(tx, 'two'), mine.claimIn(tx, 'a key', longWindow), send(tx, 'three')])
        assert.equal(has('one'), false)
      })
      for (const row of ['one', 'two', 'three']) assert.ok(has(row))
      assert.equal(await statusOf(mine, 'a key'), 'duplicate')
    }),
    'wait for their turn, and claims wait for them': at(async ({ store, has }) => {
      const [one, two] = [store({ lockWaitMs: 600_000 }), store({ lockWaitMs: 600_000 })]
      const order: string[] = []
      const write = async (name: string): Promise<void> => {
        order.push(`${name} writes`)
        await turn()
        order.push(`${name} has written`)
      }
      const first = one.transaction(async (tx) => {
        await one.claimIn(tx, 'a key', longWindow)
        await write('one')
      })
      const second = two.transaction(async (tx) => {
        await send(tx, 'a row')
        await write('two')
      })
      await Promise.all([first, second])
      const [begun = ''] = order
      const last = begun === 'one writes' ? 'two' : 'one'
      assert.deepEqual(order, [begun, begun.replace('writes', 'has written'), `${last} writes`, `${last} has written`])
      assert.ok(has('a row'))
    }),
    'are refused in one that is over, whether they have waited or come late': at(async ({ store, has }) => {
      const [one, two] = [store(), store()]
      let late: SqliteHandle | undefined
      let waited: Promise<unknown> | undefined
      await one.transaction(async (tx) => {
        await one.claimIn(tx, 'a key', longWindow)
        await two.transaction(async (second) => {
          late = second
          waited = assert.rejects(send(second, 'waited'), /This transaction is over/)
        })
      })
      await waited
      assert.ok(late)
      await assert.rejects(send(late, 'late'), /This transaction is over/)
      assert.deepEqual([has('waited'), has('late')], [false, false])
      // The turn was given back.
      assert.deepEqual(await two.transaction((tx) => two.claimIn(tx, 'another key', longWindow)), { status: 'claimed' })
    }),
    "are sent in the user's own, whose patience is left as it was": at(async ({ open, has }) => {
      const own = open()
      own.exec('pragma busy_timeout = 1234')
      for (const [end, kept] of [
        ['rollback', false],
        ['commit', true],
      ] as const) {
        own.exec('begin')
        await send(own, 'a row')
        own.exec(end)
        assert.equal(has('a row'), kept)
      }
      assert.deepEqual(
        own
          .prepare('pragma busy_timeout')
          .all()
          .map((row) => Object.values(row as object)),
        [[1234]],
      )
      own.close()
    }),
    "wait in the user's own without stopping the process, and end as a conflict": at(async ({ open, store, has }) => {
      const mine = store()
      const own = open()
      own.exec('pragma busy_timeout = 600000')
      own.exec('begin')
      let waiting: Promise<unknown> | undefined
      await mine.transaction(async (tx) => {
        await mine.claimIn(tx, 'a key', longWindow)
        await assert.rejects(send(own, 'too late', 20), (error) => hasCode(error, 'transaction-conflict'))
        waiting = send(own, 'in time')
        await turn()
        writeRow(tx, 'meanwhile')
      })
      await waiting
      own.exec('commit')
      own.close()
      assert.deepEqual([has('meanwhile'), has('in time'), has('too late')], [true, true, false])
    }),
    'are refused where the client says that no transaction is open': at(async ({ open, has }) => {
      const idle = open()
      if (idle.isTransaction === undefined && idle.inTransaction === undefined) return
      await assert.rejects(send(idle, 'by itself'), /No transaction is open/)
      idle.close()
      assert.equal(has('by itself'), false)
      await assert.rejects(send({} as SqliteHandle, 'nowhere'), /tx has to be an open database/)
    }),
  }
}
