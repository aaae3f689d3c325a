import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { expect, test } from 'vitest'
import { mysqlStore } from 'hapax/stores/mysql'
import { postgresStore } from 'hapax/stores/postgres'
import { PrismaClient as MysqlClient } from '../../../examples/bridges/prisma/generated/mysql/client.js'
import { PrismaClient as PostgresClient } from '../../../examples/bridges/prisma/generated/postgres/client.js'
import { openMysql, openPostgres } from './database.js'
import type { MysqlBridge } from 'hapax/stores/mysql'
import type { PostgresBridge } from 'hapax/stores/postgres'
import type { Prisma as PrismaMysql } from '../../../examples/bridges/prisma/generated/mysql/client.js'
import type { Prisma as PrismaPostgres } from '../../../examples/bridges/prisma/generated/postgres/client.js'

/** The part of the client that both have. */
interface Raw {
  $queryRawUnsafe<Rows>(text: string, ...values: unknown[]): Promise<Rows>
}

const insert = "insert into orders values ('too long', 'limit', 1)"

/** Until Prisma says that the transaction is over. */
async function outlast(tx: Raw): Promise<void> {
  for (;;) {
    const ended = await tx.$queryRawUnsafe('select 1').then(
      () => false,
      () => true,
    )
    if (ended) return
  }
}

test('PostgreSQL: a transaction that Prisma has ended has failed, and is not one whose commit nobody knows of', async () => {
  const database = await openPostgres()
  const prisma = new PostgresClient({ adapter: new PrismaPg({ connectionString: database.url }) })
  const bridge: PostgresBridge<PrismaPostgres.TransactionClient> = {
    query: (text, values) => prisma.$queryRawUnsafe<unknown[]>(text, ...values),
    queryIn: (tx, text, values) => tx.$queryRawUnsafe<unknown[]>(text, ...values),
    transaction: (run) => prisma.$transaction(run, { timeout: 100 }),
  }
  const run = postgresStore(bridge).transaction(async (tx) => {
    await tx.$executeRawUnsafe(insert)
    await outlast(tx)
  })
  await expect(run).rejects.toHaveProperty('code', 'P2028')
  expect(await database.ask('select id from orders')).toEqual([])
  await prisma.$disconnect()
  await database.drop()
})

test('MySQL: a transaction that Prisma has ended has failed, and is not one whose commit nobody knows of', async () => {
  const database = await openMysql()
  const prisma = new MysqlClient({ adapter: new PrismaMariaDb(database.url) })
  const bridge: MysqlBridge<PrismaMysql.TransactionClient> = {
    query: (text, values) => prisma.$queryRawUnsafe<unknown[]>(text, ...values),
    queryIn: (tx, text, values) => tx.$queryRawUnsafe<unknown[]>(text, ...values),
    transaction: (run) => prisma.$transaction(run, { timeout: 100 }),
  }
  const run = mysqlStore(bridge).transaction(async (tx) => {
    await tx.$executeRawUnsafe(insert)
    await outlast(tx)
  })
  await expect(run).rejects.toHaveProperty('code', 'P2028')
  expect(await database.ask('select id from orders')).toEqual([])
  await prisma.$disconnect()
  await database.drop()
})
