import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { hasCode } from 'hapax'
import { sqliteStore } from 'hapax/stores/sqlite'
import { claimed, inPlace, long, longWindow, statusOf, writeRow } from './place.js'
import type { ClaimResult, Store } from 'hapax'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Cases } from './place.js'

const named = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `key-${index}`)
const claim = (store: Store, record: string, nonce = `of ${record}`): Promise<ClaimResult> => store.claim(record, { nonce, ...long })
const statusesOf = (store: Store, records: readonly string[]): Promise<readonly string[]> =>
  Promise.all(records.map((record) => statusOf(store, record)))
const errorsOf = async (asked: readonly Promise<unknown>[]): Promise<readonly Error[]> =>
  (await Promise.allSettled(asked)).flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []))

/** What is executed on it is told, and done by `how`. */
function heard(handle: SqliteHandle, how: (sql: string, exec: () => void) => void): SqliteHandle {
  return {
    exec: (sql) => how(sql, () => void handle.exec(sql)),
    prepare: (sql) => handle.prepare(sql),
    close: () => handle.close(),
  }
}

/** Steps that are asked for in one turn of the event loop. */
export function joined(client: Client): Cases {
  const at = inPlace(client)
  return {
    'steps of one turn are one transaction, and one alone is a statement by itself': at(async ({ open }) => {
      const executed: string[] = []
      const mine = sqliteStore(() =>
        heard(open(), (sql, exec) => {
          executed.push(sql)
          exec()
        }),
      )
      const first = await claimed(mine, 'first')
      assert.equal(executed.filter((sql) => !sql.startsWith('pragma')).length, 0)
      const [second, third, renewed] = await Promise.all([claimed(mine, 'second'), claimed(mine, 'third'), mine.renew(first, 60_000)])
      assert.equal(renewed, true)
      const rest = { attempts: 1, lapses: 0, restMs: 60_000 }
      assert.deepEqual(
        await Promise.all([mine.complete(second, 60_000), mine.release(third, rest), mine.renew({ ...first, token: 1 }, 60_000)]),
        [true, true, false],
      )
      assert.deepEqual(
        executed.filter((sql) => !sql.startsWith('pragma')),
        ['begin immediate', 'commit', 'begin immediate', 'commit'],
      )
      assert.deepEqual(await statusesOf(mine, ['first', 'second', 'third']), ['busy', 'duplicate', 'busy'])
      await mine.close()
    }),
    'others go on between two transactions, however many steps are asked for': at(async ({ open }) => {
      let turns = 0
      const committedIn: number[] = []
      const mine = sqliteStore(() =>
        heard(open(), (sql, exec) => {
          exec()
          if (sql === 'commit') committedIn.push(turns)
        }),
      )
      let over = false
      const others = (async () => {
        for (; !over; turns += 1) await turn()
      })()
      const names = named(300)
      assert.deepEqual(new Set(await statusesOf(mine, names)), new Set(['claimed']))
      over = true
      await others
      assert.ok(committedIn.length > 1)
      assert.equal(new Set(committedIn).size, committedIn.length, `committed in the turns ${committedIn.join(' ')}`)
      await mine.close()
    }),
    'a bad one fails by itself': at(async ({ store, beside }) => {
      beside.exec(`create trigger no_bad before insert on hapax_records when new.record = cast('bad' as blob)
        begin select raise(abort, 'bad is not wanted'); end;
        create trigger no_worse before insert on hapax_records when new.record = cast('worse' as blob)
        begin select raise(rollback, 'worse is not wanted'); end`)
      const mine = store()
      const held = await claimed(mine, 'held')
      const names = named(20)
      const [errors, good, renewed] = await Promise.all([
        errorsOf([
          claim(mine, 'bad'),
          claim(mine, 'worse'),
          mine.release(held, { attempts: 0.5, lapses: 0, restMs: 0 }),
          mine.release(held, { attempts: {} as number, lapses: 0, restMs: 0 }),
        ]),
        statusesOf(mine, names),
        mine.renew(held, 60_000),
      ])
      const [bad, worse, ...others] = errors
      assert.match(String(bad), /bad is not wanted/)
      assert.match(String(worse), /worse is not wanted/)
      assert.equal(others.length, 2)
      assert.deepEqual(new Set(good), new Set(['claimed']))
      assert.equal(renewed, true)
      assert.deepEqual(new Set(await statusesOf(mine, [...names, 'held'])), new Set(['busy']))
    }),
    'of two claims on one record the first has it, unless they are the same': at(async ({ store }) => {
      const mine = store()
      const [one, other, another] = await Promise.all([
        claim(mine, 'a key', 'one'),
        claim(mine, 'a key', 'other'),
        claimed(mine, 'another'),
      ])
      assert.deepEqual([one.status, other.status], ['claimed', 'busy'])
      const [first, again] = await Promise.all([claim(mine, 'free', 'the same'), claim(mine, 'free', 'the same')])
      assert.equal(first.status, 'claimed')
      assert.deepEqual(first, again)
      assert.deepEqual(await Promise.all([mine.complete(another, 60_000), statusOf(mine, 'another'), mine.renew(another, 60_000)]), [
        true,
        'busy',
        false,
      ])
    }),
    'a record that a transaction holds keeps none of the others from being claimed': at(async ({ store }) => {
      const mine = store({ lockWaitMs: 600_000 })
      const names = named(20)
      let others: Promise<readonly string[]> | undefined
      let early: unknown
      await mine.transaction(async (tx) => {
        assert.deepEqual(await mine.claimIn(tx, 'held', longWindow), { status: 'claimed' })
        others = statusesOf(mine, names)
        const held = claim(mine, 'held')
        const completed = mine.complete({ record: 'held', token: 1, attempts: 0, lapses: 0 }, 60_000)
        void others.then(() => (early = 'claimed'))
        assert.deepEqual(await held, { status: 'busy', retryInMs: long.leaseMs })
        await assert.rejects(completed, (error) => hasCode(error, 'transaction-conflict'))
        for (let turns = 0; turns < 20; turns += 1) await turn()
        assert.equal(early, undefined)
      })
      assert.deepEqual(new Set(await others), new Set(['claimed']))
      assert.equal(await statusOf(mine, 'held'), 'duplicate')
    }),
    'one that is told busy while it waits with others is not claimed after all': at(async ({ store }) => {
      const [one, two, three] = [store(), store(), store({ lockWaitMs: 600_000 })]
      let open = (): void => undefined
      const opened = new Promise<void>((resolve) => (open = resolve))
      const first = one.transaction(async (tx) => {
        await one.claimIn(tx, 'first', longWindow)
        await opened
      })
      await turn()
      const second = two.transaction(async (tx) => {
        await two.claimIn(tx, 'taken', longWindow)
        assert.deepEqual(await taken, { status: 'busy', retryInMs: long.leaseMs })
        throw new Error('rolled back')
      })
      await turn()
      const taken = claim(three, 'taken')
      const free = statusesOf(three, named(3))
      await turn()
      open()
      await first
      await assert.rejects(second, /rolled back/)
      assert.deepEqual(await free, ['claimed', 'claimed', 'claimed'])
      assert.equal(await statusOf(one, 'taken'), 'claimed')
    }),
    'a commit that fails fails each of them with an error of its own, and nothing is believed': at(async ({ open, store, count }) => {
      let fails: 'before' | 'after' | undefined
      const mine = sqliteStore(() =>
        heard(open(), (sql, exec) => {
          if (sql !== 'commit' || !fails) return exec()
          if (fails === 'after') exec()
          throw new Error('disk I/O error')
        }),
      )
      const names = named(5)
      const claims = (): readonly Promise<ClaimResult>[] => names.map((name) => claim(mine, name))
      for (const when of ['before', 'after'] as const) {
        fails = when
        const errors = await errorsOf(claims())
        assert.equal(new Set(errors).size, names.length)
        for (const error of errors) assert.match(error.message, /disk I\/O error/)
        assert.equal(count(), when === 'before' ? 0 : names.length)
      }
      fails = undefined
      assert.deepEqual(new Set(await statusesOf(store(), names)), new Set(['busy']))
      // Asked again by the same nonce, each is given what it could not know of.
      for (const result of await Promise.all(claims())) assert.equal(result.status, 'claimed')
      await mine.close()
    }),
    'they are no part of a transaction that is open on the database handed in, and leave it as it is': at(async ({ open, has }) => {
      const handle = open()
      const store = sqliteStore(handle)
      handle.exec('begin')
      writeRow(handle, 'mine')
      const errors = await errorsOf([claim(store, 'one'), claim(store, 'two'), claim(store, 'three')])
      assert.equal(errors.length, 3)
      handle.exec('commit')
      assert.ok(has('mine'))
      assert.deepEqual(await statusesOf(store, ['one', 'two', 'three']), ['claimed', 'claimed', 'claimed'])
      handle.close()
    }),
  }
}
