import { PrismaPg } from '@prisma/adapter-pg'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { CompiledQuery } from 'kysely'
import { Pool } from 'pg'
import { describe, expect, test } from 'vitest'
import { hasCode } from 'hapax'
import { drizzleOnPostgres } from '../../../examples/bridges/drizzle-postgres.js'
import { kyselyOnPostgres } from '../../../examples/bridges/kysely-postgres.js'
import { prismaOnPostgres } from '../../../examples/bridges/prisma-postgres.js'
import { PrismaClient } from '../../../examples/bridges/prisma/generated/postgres/client.js'
import { postgresUrl } from '../../services/places.js'
import { exampleCases, setStage } from './cases.js'
import { openPostgres } from './database.js'
import type { ExampleCases } from './cases.js'

function postgresCases<Tx>(own: Pick<ExampleCases<Tx>, 'open' | 'raw' | 'commit'>): void {
  const cases = { ...own, openDatabase: openPostgres, stronger: "set local deadlock_timeout = '60s'" }
  const stage = setStage(cases)
  exampleCases(cases, stage)

  test('a handler that could not be serialized is run again', async () => {
    const order = await stage.stocked(10)
    const url = new URL(stage.database().url)
    url.searchParams.set('options', '-c default_transaction_isolation=serializable')
    const { save, close } = own.open(url.href)
    const other = await stage.database().begin(`update stock set pieces = pieces - 1 where item = '${order.item}'`)
    const running = save.once(order)
    await stage.database().somebodyWaits()
    await other.commit()
    expect((await running).status).toBe('handled')
    expect(await stage.found(order)).toEqual({ saved: true, left: 6 })
    await close()
  })

  test('what the database refuses at the commit is the failure of the handler', async () => {
    const { store } = stage.example()
    const run = store.transaction(async (tx) => {
      for (let times = 0; times < 2; times += 1) await own.raw(tx, "insert into checked_late values ('twice')")
    })
    await expect(run).rejects.toSatisfy((error) => !hasCode(error, 'commit-unknown') && !hasCode(error, 'transaction-conflict'))
  })

  test('a transaction in which a statement had failed is not taken for committed', async () => {
    const { store } = stage.example()
    const run = store.transaction((tx) => own.raw(tx, 'select 1 / 0').catch(() => undefined))
    await expect(run).rejects.toThrow('A savepoint keeps')
  })
}

function openPool(connectionString: string): Pool {
  const pool = new Pool({ connectionString })
  pool.on('error', () => undefined)
  return pool
}

describe('Kysely', () => {
  postgresCases({
    open(url) {
      const pool = openPool(url)
      return { ...kyselyOnPostgres(pool), close: () => pool.end() }
    },
    raw: (tx, text) => tx.executeQuery(CompiledQuery.raw(text)),
    commit: 'commit',
  })
})

describe('Drizzle', () => {
  postgresCases({
    open(url) {
      const pool = openPool(url)
      return { ...drizzleOnPostgres(pool), close: () => pool.end() }
    },
    raw: (tx, text) => drizzle(tx).execute(sql.raw(text)),
    commit: 'commit',
  })

  test('lets statements through after the end of its own transactions, so there is no bridge to them', async () => {
    const pool = openPool(postgresUrl)
    const late = await drizzle(pool).transaction((tx) => Promise.resolve({ tx }))
    await late.tx.execute(sql`select 1`)
    await pool.end()
  })
})

describe('Prisma', () => {
  postgresCases({
    open(url) {
      const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) })
      return { ...prismaOnPostgres(prisma), close: () => prisma.$disconnect() }
    },
    raw: (tx, text) => tx.$executeRawUnsafe(text),
    commit: 'COMMIT',
  })
})
