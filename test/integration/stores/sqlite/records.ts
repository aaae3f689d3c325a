import assert from 'node:assert/strict'
import { sqliteStore } from 'hapax/stores/sqlite'
import { claimed, inPlace, long, statusOf } from './place.js'
import type { Client } from './client.js'
import type { Cases } from './place.js'

/** What is in the table, and when it leaves. */
export function records(client: Client): Cases {
  const at = inPlace(client)
  return {
    'the sweep removes what is over, and nothing else, beside live claims': at(async ({ store, beside, count }) => {
      const mine = store()
      const kept = await claimed(mine, 'kept')
      await mine.complete(await claimed(mine, 'consumed'), 60_000)
      await mine.release(await claimed(mine, 'resting'), { attempts: 3, lapses: 0, restMs: 60_000 })
      beside.exec(`with recursive n (i) as (select 1 union all select i + 1 from n where i < 2500)
        insert into hapax_records select cast('over-' || i as blob), i % 3, 1, '', 0, 0, 1, 1, 1 from n`)
      assert.equal(count(), 2_503)
      const sweeping = mine.sweep()
      const others = Array.from({ length: 50 }, (_, index) => claimed(mine, `live-${index}`))
      await Promise.all([sweeping, ...others])
      assert.equal(count(), 53)
      assert.equal(await mine.complete(kept, 60_000), true)
      assert.equal(await statusOf(mine, 'consumed'), 'duplicate')
      assert.equal(await statusOf(mine, 'resting'), 'busy')
    }),
    'a record that is over is as good as gone before any sweep': at(async ({ store, beside }) => {
      const mine = store()
      const before = await claimed(mine, 'a key')
      await mine.release(before, { attempts: 5, lapses: 5, restMs: 0 })
      beside.exec('update hapax_records set until_ms = 1, over_ms = 1')
      assert.equal(await mine.renew(before, 60_000), false)
      const next = await claimed(mine, 'a key')
      assert.deepEqual([next.attempts, next.lapses], [0, 0])
      assert.ok(next.token > before.token)
    }),
    'sweeps that fail are told, and do not fail claims': at(async ({ open, beside }) => {
      const failures: unknown[] = []
      await using mine = sqliteStore(open, { onSweepFailed: (error) => failures.push(error) })
      await claimed(mine, 'a key')
      beside.exec("create trigger nothing_leaves before delete on hapax_records begin select raise(abort, 'nothing leaves'); end")
      beside.exec('update hapax_records set until_ms = 1, over_ms = 1')
      await mine.sweep()
      assert.match(String(failures), /nothing leaves/)
      assert.equal(await statusOf(mine, 'another key'), 'claimed')
    }),
    'tokens grow though the record is deleted by hand, again and again within a millisecond': at(async ({ store, beside }) => {
      const [one, two] = [store(), store()]
      beside.exec('pragma synchronous = off')
      const deleted = beside.prepare('delete from hapax_records returning 1')
      let last = 0
      for (let turn = 0; turn < 300; turn += 1) {
        const { token } = await claimed(turn % 2 ? one : two, 'a key')
        assert.ok(token > last, `${token} came after ${last}`)
        last = token
        deleted.all()
      }
    }),
    'records can be read by people': at(async ({ store, beside }) => {
      const mine = store()
      const claim = await claimed(mine, 'orders:7')
      const [row] = beside
        .prepare('select cast(record as text) as record, state, token, until_ms, over_ms, memory_ms from hapax_records')
        .all()
      const { record, state, token, until_ms, over_ms, memory_ms } = row as Record<string, unknown>
      assert.deepEqual([record, state, token, memory_ms], ['orders:7', 0, claim.token, long.memoryMs])
      assert.ok(Math.abs(Number(until_ms) - Date.now() - long.leaseMs) < 30_000)
      assert.equal(Number(over_ms), Number(until_ms) + long.memoryMs)
      assert.ok(Math.abs(claim.token / 1_000 - Date.now()) < 60_000)
    }),
  }
}
