import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { postgresStore } from 'hapax/stores/postgres'
import { postgresUrl } from '../../services/places.js'
import { claimed, fill, long, makeTables } from './postgres-table.js'

const { table, pool } = makeTables()
const name = `${table}_planned`
let client: Client
/** What was sent, each text prepared once, as some clients do by themselves. */
let texts: Map<string, string>

beforeEach(async () => {
  await pool.query(`create table ${name} (like ${table} including all)`)
  client = new Client({ connectionString: postgresUrl })
  await client.connect()
  texts = new Map()
})
afterEach(async () => {
  await client.end()
  await pool.query(`drop table ${name}`)
})

/** All on one connection, so that what a transaction has done so far can be read in it. */
const store = postgresStore(
  {
    query(text: string, values: (string | number)[]) {
      if (!texts.has(text)) texts.set(text, `planned ${texts.size}`)
      return client.query({ name: texts.get(text) ?? '', text, values })
    },
  },
  { table: name },
)

let asked = 0
async function eachStep(): Promise<void> {
  const record = `planned-${(asked += 1)}`
  const first = await claimed(store, record)
  await store.claim(record, { nonce: 'another', ...long })
  await store.renew(first, 60_000)
  await store.release(first, { attempts: 0, lapses: 0, restMs: 0 })
  await store.complete(await claimed(store, record), 60_000)
  expect(await store.claim(record, { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
  // As one statement.
  const claims = await Promise.all(['a', 'b', 'c'].map((which) => claimed(store, `${record}-${which}`)))
  await Promise.all(claims.map((claim) => store.renew(claim, 60_000)))
  await Promise.all(claims.map((claim) => store.release(claim, { attempts: 0, lapses: 0, restMs: 60_000 })))
  await Promise.all(claims.map((claim) => store.complete(claim, 60_000)))
}
async function repeatedly(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await eachStep()
}

test('the table is never scanned by a step, not even by one that was prepared while it was empty', async () => {
  const scans = async () => {
    const text = 'select seq_scan::int as table, idx_scan::int as key from pg_stat_xact_user_tables where relname = $1'
    return (await client.query<{ table: number; key: number }>(text, [name])).rows[0] ?? expect.fail('no statistics')
  }
  const reading = () => [...texts.keys()].filter((text) => text.includes('known is null')).length
  await client.query(`vacuum analyze ${name}`)
  await repeatedly()
  expect(reading()).toBe(0)
  for (let generation = 1; generation <= 2; generation += 1) {
    await fill(pool, name)
    await client.query('begin')
    const before = await scans()
    await repeatedly()
    const after = await scans()
    await client.query('rollback')
    expect(after.table).toBe(before.table)
    expect(after.key).toBeGreaterThan(before.key)
    // One statement for one call and one for many, and new ones once the table has been small.
    expect(reading()).toBe(2 * generation)
    await pool.query(`truncate ${name}`)
    await pool.query(`vacuum analyze ${name}`)
    await repeatedly()
  }
})

test('a duplicate writes nothing where the table is large, alone or among others', async () => {
  await fill(pool, name)
  const consumed = Array.from({ length: 20 }, (_, index) => `consumed-${index}`)
  await Promise.all(consumed.map(async (record) => store.complete(await claimed(store, record), 60_000)))
  const rows = async () =>
    (await pool.query(`select ctid, xmin, xmax from ${name} where record >= 'consumed' and record < 'd' order by ctid`)).rows as unknown[]
  const before = await rows()
  expect(before).toHaveLength(20)
  await client.query('begin')
  expect(await store.claim('consumed-3', { nonce: 'another', ...long })).toEqual({ status: 'duplicate' })
  const results = await Promise.all(consumed.map((record) => store.claim(record, { nonce: 'another', ...long })))
  expect(results).toEqual(consumed.map(() => ({ status: 'duplicate' })))
  const { rows: ids } = await client.query('select txid_current_if_assigned()::text as id')
  const { rows: locks } = await client.query("select from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'")
  await client.query('rollback')
  expect(ids).toEqual([{ id: null }])
  expect(locks).toEqual([])
  expect(await rows()).toEqual(before)
})
