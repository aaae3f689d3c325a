import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/mysql2'
import { CompiledQuery } from 'kysely'
import { createPool as createCallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'
import { describe, test } from 'vitest'
import { drizzleOnMysql } from '../../../examples/bridges/drizzle-mysql.js'
import { kyselyOnMysql } from '../../../examples/bridges/kysely-mysql.js'
import { prismaOnMysql } from '../../../examples/bridges/prisma-mysql.js'
import { PrismaClient } from '../../../examples/bridges/prisma/generated/mysql/client.js'
import { mysqlUrl } from '../../services/places.js'
import { exampleCases, setStage } from './cases.js'
import { openMysql } from './database.js'
import type { ExampleCases } from './cases.js'

function mysqlCases<Tx>(own: Pick<ExampleCases<Tx>, 'open' | 'raw' | 'commit'>): void {
  const cases = { ...own, openDatabase: openMysql, stronger: 'update padding set changes = changes + 1' }
  exampleCases(cases, setStage(cases))
}

describe('Kysely', () => {
  mysqlCases({
    open(url) {
      const pool = createCallbackPool(url)
      return { ...kyselyOnMysql(pool), close: () => pool.promise().end() }
    },
    raw: (tx, text) => tx.executeQuery(CompiledQuery.raw(text)),
    commit: 'commit',
  })
})

describe('Drizzle', () => {
  mysqlCases({
    open(url) {
      const pool = createPool(url)
      return { ...drizzleOnMysql(pool), close: () => pool.end() }
    },
    raw: (tx, text) => drizzle(tx).execute(sql.raw(text)),
    commit: 'commit',
  })

  test('lets statements through after the end of its own transactions, so there is no bridge to them', async () => {
    const pool = createPool(mysqlUrl)
    const late = await drizzle(pool).transaction((tx) => Promise.resolve({ tx }))
    await late.tx.execute(sql`select 1`)
    await pool.end()
  })
})

describe('Prisma', () => {
  mysqlCases({
    open(url) {
      const prisma = new PrismaClient({ adapter: new PrismaMariaDb(url) })
      return { ...prismaOnMysql(prisma), close: () => prisma.$disconnect() }
    },
    raw: (tx, text) => tx.$executeRawUnsafe(text),
    commit: 'COMMIT',
  })
})
