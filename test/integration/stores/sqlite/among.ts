import assert from 'node:assert/strict'
import { hasCode } from 'hapax'
import { startChild } from './children.js'
import { inPlace, longWindow, statusOf } from './place.js'
import type { Client } from './client.js'
import type { Task } from './children.js'
import type { Cases } from './place.js'

/** What SQLite is asked with several processes on one file. */
export function among(client: Client, specifier: string): Cases {
  const start = (task: Task) => startChild(specifier, task)
  const at = inPlace(client)
  const killedAfter = (parts: number) =>
    at(async ({ file, store, has }) => {
      const child = start({ name: 'stop-after', file, record: 'a key', parts })
      while ((await child.said()) !== 'stopped');
      await child.kill()
      const mine = store({ lockWaitMs: 0 })
      assert.equal(await statusOf(mine, 'a key'), parts > 4 ? 'duplicate' : 'claimed')
      assert.equal(has('a key-one'), parts > 4)
      assert.equal(has('a key-two'), parts > 4)
    })

  return {
    'the schema is made once by processes that race': at(async ({ file, store, beside }) => {
      const children = [1, 2, 3].map(() => start({ name: 'schema', file, table: 'raced' }))
      assert.deepEqual(await Promise.all(children.map((child) => child.ended())), ['made', 'made', 'made'])
      await store({ table: 'raced' }).check(() => undefined)
      assert.equal(
        beside.prepare("select name from sqlite_schema where tbl_name = 'raced' and type = 'index' and name like 'raced%'").all().length,
        1,
      )
    }),
    'killed after the begin of its transaction, a process leaves nothing, and the key is free at once': killedAfter(1),
    'killed after the claim': killedAfter(2),
    'killed after a write': killedAfter(3),
    'killed before the commit': killedAfter(4),
    'killed after the commit, it leaves all': killedAfter(5),

    "a claim waits for another process's transaction, and learns how it ended": at(async ({ file, store }) => {
      const child = start({ name: 'hold', file, record: 'a key' })
      assert.equal(await child.said(), 'claimed')
      const waiting = statusOf(store({ lockWaitMs: 600_000 }), 'a key')
      const inbox = store({ lockWaitMs: 600_000 })
      const joining = inbox.transaction((tx) => inbox.claimIn(tx, 'a key', longWindow))
      child.tell('end')
      assert.equal(await waiting, 'duplicate')
      assert.deepEqual(await joining, { status: 'duplicate' })
      assert.equal(await child.ended(), 'done')
    }),
    'a claim does not wait for it longer than lockWaitMs, and fails': at(async ({ file, store }) => {
      const child = start({ name: 'hold', file, record: 'a key' })
      assert.equal(await child.said(), 'claimed')
      const mine = store({ lockWaitMs: 20 })
      const locked = (error: unknown): boolean => hasCode(error, 'transaction-conflict') && String(error).includes('lockWaitMs')
      await assert.rejects(statusOf(mine, 'a key'), locked)
      await assert.rejects(statusOf(mine, 'another key'), locked)
      await assert.rejects(
        mine.transaction((tx) => mine.claimIn(tx, 'another key', longWindow)),
        locked,
      )
      child.tell('end')
      assert.equal(await child.ended(), 'done')
      assert.equal(await statusOf(mine, 'another key'), 'claimed')
    }),
    'steps of one turn wait for it together, and fail together when it takes too long': at(async ({ file, store, count }) => {
      const child = start({ name: 'hold', file, record: 'a key' })
      assert.equal(await child.said(), 'claimed')
      const names = ['a key', ...Array.from({ length: 20 }, (_, index) => `key-${index}`)]
      const statuses = (lockWaitMs: number): Promise<PromiseSettledResult<string>[]> => {
        const mine = store({ lockWaitMs })
        return Promise.allSettled(names.map((name) => statusOf(mine, name)))
      }
      const waiting = statuses(600_000)
      for (const result of await statuses(20)) {
        assert.equal(result.status, 'rejected')
        assert.ok(hasCode(result.reason, 'transaction-conflict'))
      }
      child.tell('end')
      assert.deepEqual(
        (await waiting).map((result) => result.status === 'fulfilled' && result.value),
        names.map((name) => (name === 'a key' ? 'duplicate' : 'claimed')),
      )
      assert.equal(await child.ended(), 'done')
      assert.equal(count(), names.length)
    }),
    'each of 2,000 keys is claimed by one of two processes, and none fails': at(async ({ file }) => {
      const children = [1, 2].map(() => start({ name: 'claim-all', file, keys: 2_000 }))
      const mine = (await Promise.all(children.map((child) => child.ended()))).map((list) => JSON.parse(list) as number[])
      assert.equal(mine.flat().length, 2_000)
      assert.equal(new Set(mine.flat()).size, 2_000)
      for (const list of mine) assert.ok(list.length > 0, 'one process has starved')
    }),
    'each of 300 messages takes effect once, in three processes with two deliveries each': at(async ({ file, beside }) => {
      const children = [1, 2, 3].map(() => start({ name: 'inbox-all', file, keys: 300 }))
      const told = (await Promise.all(children.map((child) => child.ended()))).map((text) => JSON.parse(text) as Record<string, number>)
      assert.equal(beside.prepare('select name from rows').all().length, 300)
      const handled = told.reduce((sum, { handled: count = 0 }) => sum + count, 0)
      assert.equal(handled, 300)
    }),
  }
}
