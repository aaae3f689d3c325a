import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { hasCode, inbox } from 'hapax'
import { sqliteStore } from 'hapax/stores/sqlite'
import { claimed, inPlace, longWindow, statusOf, writeRow } from './place.js'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Cases } from './place.js'

const conflict = (error: unknown): boolean => hasCode(error, 'transaction-conflict')

/** What a transaction leaves behind, and how it fails. */
export function committing(client: Client): Cases {
  const at = inPlace(client)
  return {
    'a commit that fails is heard of: nothing is claimed that is not there': at(async ({ open, store, beside, count }) => {
      const reader = open()
      reader.exec('begin')
      reader.prepare('select * from hapax_records').all()
      // With a rollback journal nobody commits while another reads.
      const mine = store({ lockWaitMs: 30 })
      await assert.rejects(statusOf(mine, 'a key'), conflict)
      await assert.rejects(
        mine.transaction((tx) => mine.claimIn(tx, 'a key', longWindow)),
        conflict,
      )
      reader.exec('commit')
      reader.close()
      assert.equal(count(), 0)
      beside.exec('pragma user_version = 1')
      assert.equal(await statusOf(mine, 'a key'), 'claimed')
    }, 'delete'),
    'a commit that the database refuses is told as it is, and leaves nothing': at(async ({ open, has, store }) => {
      const mine = sqliteStore(() => {
        const handle = open()
        handle.exec('pragma foreign_keys = on')
        return handle
      })
      await mine.transaction(async (tx) => {
        tx.exec('create table children (name text references rows (name) deferrable initially deferred)')
      })
      const run = mine.transaction(async (tx) => {
        await mine.claimIn(tx, 'a key', longWindow)
        writeRow(tx, 'a row')
        tx.exec("insert into children values ('nobody')")
      })
      await assert.rejects(run, (error) => /FOREIGN KEY/.test(String(error)) && !hasCode(error, 'commit-unknown'))
      assert.equal(has('a row'), false)
      assert.equal(await statusOf(store(), 'a key'), 'claimed')
      await mine.close()
    }),
    'what has changed since it was read makes a conflict at once': at(async ({ store }) => {
      const mine = store({ lockWaitMs: 600_000 })
      const run = mine.transaction(async (tx) => {
        tx.prepare('select * from rows').all()
        await claimed(mine, 'another key')
        await mine.claimIn(tx, 'a key', longWindow)
      })
      await assert.rejects(run, conflict)
    }),
    'claimed twice in one transaction, a key is a duplicate, and with the own claim, too': at(async ({ store }) => {
      const mine = store()
      const claim = await claimed(mine, 'a key')
      await mine.transaction(async (tx) => {
        assert.deepEqual(await mine.claimIn(tx, 'a key', { ...longWindow, claim }), { status: 'claimed' })
        assert.deepEqual(await mine.claimIn(tx, 'a key', { ...longWindow, claim }), { status: 'duplicate' })
        assert.deepEqual(await mine.claimIn(tx, 'a key', longWindow), { status: 'duplicate' })
        assert.deepEqual(await mine.claimIn(tx, 'another key', longWindow), { status: 'claimed' })
      })
      assert.equal(await statusOf(mine, 'another key'), 'duplicate')
    }),
    'an inbox takes effect once, however many come at once': at(async ({ store, beside, has }) => {
      const mine = store()
      let runs = 0
      const handler = async (key: string, { tx }: { readonly tx: SqliteHandle }): Promise<void> => {
        runs += 1
        writeRow(tx, key)
        await turn()
        if (key === 'message-3' && runs < 20) throw new Error('not yet')
      }
      const save = inbox(handler, { store: mine, scope: 'sqlite.save', key: (key: string) => key })
      const keys = Array.from({ length: 20 }, (_, index) => `message-${index}`)
      const results = await Promise.allSettled([...keys, ...keys, ...keys].map((key) => save.once(key)))
      for (const key of keys) {
        if (key === 'message-3') continue
        assert.ok(has(key))
        const handled = results.filter(
          (result, index) => keys[index % 20] === key && result.status === 'fulfilled' && result.value.status === 'handled',
        )
        assert.equal(handled.length, 1, key)
      }
      assert.equal(beside.prepare('select name from rows').all().length, has('message-3') ? 20 : 19)
    }),
  }
}
