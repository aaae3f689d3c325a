import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStore } from 'hapax/stores/postgres'
import { freePort } from '../../services/free-ports.js'
import { startPostgres } from '../../services/postgres.js'
import { claimed } from './table.js'
import type { Server } from '../../services/server.js'

/** A server of our own, with room for few locks. */
const dir = mkdtempSync(join(tmpdir(), 'hapax-postgres-'))
const port = await freePort()
const few = ['max_connections=8', 'max_locks_per_transaction=10', 'max_wal_senders=0', 'max_worker_processes=0', 'autovacuum=off']
let server: Server
let pool: Pool

beforeAll(async () => {
  server = await startPostgres({ port, dir, args: few.flatMap((each) => ['-c', each]) })
  pool = new Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, max: 5 })
  // Connections that are still on their way out are told when the server stops.
  pool.on('error', () => undefined)
}, 60_000)
afterAll(async () => {
  await pool.end()
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
}, 60_000)

test('where the server has room for few locks, calls of one turn become more statements, and none fails', async () => {
  const refused: string[] = []
  const query = (text: string, values: (string | number)[]) =>
    pool.query(text, values).catch((error: unknown) => {
      refused.push(String((error as { code?: string }).code))
      throw error
    })
  const store = postgresStore({ query })
  await store.applySchema()
  // Somebody has taken all the room there is, and gives some of it back.
  const stranger = await pool.connect()
  let taken = 0
  const take = () => stranger.query('select pg_advisory_lock($1)', [(taken += 1)])
  for (;;)
    if (
      await take().then(
        () => false,
        () => true,
      )
    )
      break
  for (let back = 1; back <= 40; back += 1) await stranger.query('select pg_advisory_unlock($1)', [back])

  const claims = await Promise.all(Array.from({ length: 128 }, (_, index) => claimed(store, `crowded-${index}`)))
  expect(await Promise.all(claims.map((claim) => store.renew(claim, 60_000)))).toEqual(claims.map(() => true))
  expect(await Promise.all(claims.map((claim) => store.complete(claim, 60_000)))).toEqual(claims.map(() => true))
  expect(new Set(refused)).toEqual(new Set(['53200']))
  stranger.release(true)
})
