import assert from 'node:assert/strict'
import { startChild } from './children.js'
import { inKey, inOutboxPlace, intoFile, upTo } from './outbox-place.js'
import type { Client } from './client.js'
import type { OutboxTask } from './outbox-children.js'
import type { OutboxPlace } from './outbox-place.js'
import type { Cases } from './place.js'

const keys = Array.from({ length: 20 }, (_, index) => `k${String.fromCharCode(97 + index)}`)

/** The outbox with several processes on one file. */
export function outboxAmong(client: Client, specifier: string): Cases {
  const start = (task: OutboxTask) => startChild(specifier, task)
  const at = inOutboxPlace(client)

  const killedInTransaction = (parts: number, journal?: 'delete') =>
    at(async ({ file, store, has, send, outbox, log, published, drained }) => {
      await store().check(() => undefined)
      await send('k', 1, 2)
      const child = start({ name: 'send-until', file, parts })
      assert.equal(await child.said(), 'stopped')
      await child.kill()
      await send('k', 5)
      const relay = await outbox().relay(intoFile(log))
      await drained()
      await relay.stop()
      const committed = parts > 3
      assert.deepEqual(published(), committed ? ['k1', 'k2', 'k3', 'k4', 'k5'] : ['k1', 'k2', 'k5'])
      assert.equal(has('a row'), committed)
    }, journal)

  const killedInRelay = (hangAfter: number | 'batch', journal?: 'delete') =>
    at(async ({ file, send, outbox, log, published, drained }) => {
      for (const key of keys) await send(key, ...upTo(10))
      const child = start({ name: 'relay', file, log, batch: 5, hangAfter })
      while ((await child.said()) !== String(hangAfter));
      await child.kill()
      const before = published().length
      assert.equal(before, hangAfter === 'batch' ? new Set(published()).size : hangAfter)
      for (const key of keys) await send(key, 11)
      const relay = await outbox().relay(intoFile(log), { batch: 5, pollMs: 20 })
      await drained()
      await relay.stop()
      assertOrder(published(), 11)
      assert.equal(published().length, 220 + before, 'what it had published is published once more, as nobody knows of it')
    }, journal)

  return {
    'two processes that relay share the work: nothing is published twice, and the order holds': at(async (place) => {
      const children = [1, 2].map(() => start({ name: 'relay', file: place.file, log: place.log, batch: 5 }))
      for (const part of [0, 1, 2, 3, 4]) for (const key of keys) await place.send(key, ...upTo(5).map((number) => part * 5 + number))
      await place.drained()
      for (const child of children) child.tell('end')
      for (const child of children) assert.equal(await child.ended(), 'done')
      assert.equal(place.published().length, 500)
      assertOrder(place.published(), 25)
    }),
    'killed in a transaction after its first message, a process leaves none of it': killedInTransaction(1),
    'killed after its claim and a write': killedInTransaction(2),
    'killed before the commit': killedInTransaction(3),
    'killed before the commit, with a rollback journal': killedInTransaction(3, 'delete'),
    'killed after the commit, it leaves all of it': killedInTransaction(4),
    'killed before it has published anything, a relay leaves it to others': killedInRelay(0),
    'killed in the middle of publishing': killedInRelay(13),
    'killed in the middle of publishing, with a rollback journal': killedInRelay(13, 'delete'),
    'killed when all that it has read is published, and nothing recorded': killedInRelay('batch'),
    'relays that are killed one after the other lose nothing, and keep the order': at(async (place) => {
      for (const key of keys) await place.send(key, ...upTo(20))
      for (const round of upTo(6)) {
        const child = start({ name: 'relay', file: place.file, log: place.log, batch: 3 })
        for (let line = 0; line < round * 10; line += 1) await child.said()
        await child.kill()
        await addMore(place, round)
      }
      const relay = await place.outbox().relay(intoFile(place.log), { pollMs: 20 })
      await place.drained()
      await relay.stop()
      assertOrder(place.published(), 26)
    }),
  }
}

async function addMore({ outbox, store }: OutboxPlace, round: number): Promise<void> {
  const [mine, its] = [outbox(), store()]
  await its.transaction((tx) =>
    mine.send(
      tx,
      keys.flatMap((key) => inKey(key, 20 + round)),
    ),
  )
}

/** Asserts that the messages of each key were first published in the order in which they were sent, and all of them. */
function assertOrder(published: readonly string[], count: number): void {
  const first = [...new Set(published)]
  for (const key of keys)
    assert.deepEqual(
      first.filter((text) => text.replace(/\d+$/, '') === key),
      upTo(count).map((number) => `${key}${number}`),
    )
}
