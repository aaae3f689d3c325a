import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteStore } from 'hapax/stores/sqlite'
import type { Claim, Store } from 'hapax'
import type { SqliteHandle, SqliteStore, SqliteStoreOptions } from 'hapax/stores/sqlite'
import type { Client } from './client.js'

/** A file of its own, with the table of records and one of the user's own rows. */
export interface Place {
  readonly file: string
  /** A connection beside those under test. */
  readonly beside: SqliteHandle
  open(): SqliteHandle
  store(options?: SqliteStoreOptions): SqliteStore<SqliteHandle>
  has(row: string): boolean
  count(): number
  leave(): Promise<void>
}

export async function makePlace(client: Client, journal: 'wal' | 'delete' = 'wal'): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'hapax-sqlite-'))
  const file = join(folder, 'app.db')
  const stores: SqliteStore<SqliteHandle>[] = []
  const beside = client.open(file)
  beside.exec(`pragma journal_mode = ${journal}`)
  beside.exec('create table rows (name text primary key)')
  const open = (): SqliteHandle => client.open(file)
  const store = (options?: SqliteStoreOptions): SqliteStore<SqliteHandle> => {
    const made = sqliteStore(open, options)
    stores.push(made)
    return made
  }
  await store().applySchema()
  return {
    file,
    beside,
    open,
    store,
    has: (row) => beside.prepare('select 1 from rows where name = ?').all(row).length === 1,
    count: () => beside.prepare('select 1 from hapax_records').all().length,
    async leave() {
      for (const each of stores) await each.close()
      beside.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export type Cases = Readonly<Record<string, () => Promise<void>>>

/** Makes a case of what is played in a place of its own. */
export function inPlace(client: Client) {
  return (play: (place: Place) => Promise<void>, journal?: 'delete') => async (): Promise<void> => {
    const place = await makePlace(client, journal)
    try {
      await play(place)
    } finally {
      await place.leave()
    }
  }
}

/** Writes a row of the user's own. */
export function writeRow(tx: SqliteHandle, name: string): void {
  tx.prepare('insert into rows values (?) returning 1').all(name)
}

export const long = { leaseMs: 60_000, memoryMs: 600_000 }
export const longWindow = { windowMs: 600_000 }

export async function claimed(store: Store, record: string, options = long): Promise<Claim> {
  const result = await store.claim(record, { nonce: randomUUID(), ...options })
  if (result.status !== 'claimed') throw new Error(`${record} is ${result.status}`)
  return result.claim
}

export async function statusOf(store: Store, record: string): Promise<string> {
  return (await store.claim(record, { nonce: randomUUID(), ...long })).status
}
