import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { hasCode } from 'hapax'
import { storeSuite, transactionalStoreSuite } from 'hapax/testing'
import { sqliteStore } from 'hapax/stores/sqlite'
import { longWindow, makePlace, writeRow } from './place.js'
import type { Store, TransactionalStore } from 'hapax'
import type { SuiteCase } from 'hapax/testing'
import type { SqliteHandle } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Place } from './place.js'

/** The suites, on a file of each journal mode, and by lease on connections as users hand them in. */
export function suites(client: Client): Readonly<Record<string, readonly SuiteCase[]>> {
  return {
    'a file with a write-ahead log': both(client, 'wal'),
    'a file with a rollback journal': both(client, 'delete'),
    'an open database': byLease(client, ({ open }) => open()),
    'an open database that gives integers as BigInt': byLease(client, ({ file }) => client.openForBigInts(file)),
  }
}

/** Cases of one group share a place, which the first makes and the last removes. */
function inOnePlace(make: () => Promise<Place>, cases: (place: () => Place) => readonly SuiteCase[]): readonly SuiteCase[] {
  let place: Place | undefined
  const all = cases(() => {
    if (!place) throw new Error('The place is not made yet')
    return place
  })
  const [first, last] = [all[0], all.at(-1)]
  return all.map((each) => ({
    name: each.name,
    async run() {
      if (each === first) place = await make()
      try {
        await each.run()
      } finally {
        if (each === last) await place?.leave()
      }
    },
  }))
}

function both(client: Client, journal: 'wal' | 'delete'): readonly SuiteCase[] {
  return inOnePlace(
    () => makePlace(client, journal),
    (place) => {
      const losing = new WeakMap<object, { next: boolean }>()
      const open = () => {
        const state = { next: false }
        const store = sqliteStore(() => losingCommits(place().open(), state))
        losing.set(store, state)
        return { store, close: store.close }
      }
      const forget = async (record: string) =>
        void place().beside.prepare('delete from hapax_records where record = ? returning 1').all(Buffer.from(record))
      const lease = storeSuite({ open, openUnreachable: () => unreachable(client), forget })
      const transactional = transactionalStoreSuite<SqliteHandle>({
        open,
        write: async (tx, name) => writeRow(tx, name),
        has: async (name) => place().has(name),
        conflict: () => lockedError(place()),
        async loseNextCommit(store: TransactionalStore<SqliteHandle>) {
          const state = losing.get(store)
          assert.ok(state)
          state.next = true
        },
        sideBySide: { cannot: 'SQLite has one writer' },
        sweeping: {
          open() {
            const store = sqliteStore(() => place().open(), { sweepEveryMs: 1 })
            return { store, close: store.close }
          },
          keeps: async (record) =>
            place().beside.prepare('select 1 from hapax_records where record = ?').all(Buffer.from(record)).length === 1,
        },
      })
      return [...lease, ...transactional, oneWriter(place)]
    },
  )
}

function byLease(client: Client, open: (place: Place) => SqliteHandle): readonly SuiteCase[] {
  return inOnePlace(
    () => makePlace(client),
    (place) =>
      storeSuite({
        open() {
          const handle = open(place())
          return { store: sqliteStore(handle), close: () => void handle.close() }
        },
        openUnreachable: () => unreachable(client),
        forget: async (record) =>
          void place().beside.prepare('delete from hapax_records where record = ? returning 1').all(Buffer.from(record)),
      }),
  )
}

function unreachable(client: Client): { readonly store: Store; close(): Promise<void> } {
  const store = sqliteStore(() => client.open(tmpdir()))
  return { store, close: store.close }
}

/** What the client throws when another connection writes. */
function lockedError(place: Place): Error {
  const [one, two] = [place.open(), place.open()]
  two.exec('pragma busy_timeout = 0')
  one.exec('begin immediate')
  try {
    two.exec('begin immediate')
  } catch (error) {
    return error as Error
  } finally {
    one.close()
    two.close()
  }
  throw new Error('Two have begun to write')
}

/** Commits, and then fails as a disk does whose answer is lost. */
function losingCommits(handle: SqliteHandle, state: { next: boolean }): SqliteHandle {
  const exec = (sql: string): void => {
    handle.exec(sql)
    if (sql !== 'commit' || !state.next) return
    state.next = false
    throw new Error('disk I/O error')
  }
  return { exec, prepare: (sql) => handle.prepare(sql), close: () => handle.close() }
}

/** What is left out of the suite fails as documented. */
function oneWriter(place: () => Place): SuiteCase {
  return {
    name: 'of two keys in two open transactions the second fails after lockWaitMs, and can be claimed again',
    async run() {
      const [store, other] = [place().store(), place().store({ lockWaitMs: 50 })]
      await store.transaction(async (tx) => {
        await store.claimIn(tx, 'one', longWindow)
        const second = other.transaction((inner) => other.claimIn(inner, 'two', longWindow))
        await assert.rejects(second, (error) => hasCode(error, 'transaction-conflict'))
      })
      assert.deepEqual(await other.transaction((tx) => other.claimIn(tx, 'two', longWindow)), { status: 'claimed' })
    },
  }
}
