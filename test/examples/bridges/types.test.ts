// What the compiler has to know and to refuse. `npm run types` checks it; here is only seen to it that the rest of it runs.
import { expect, expectTypeOf, test } from 'vitest'
import { inbox } from 'hapax'
import type { PoolConnection } from 'mysql2/promise'
import type { PoolClient } from 'pg'
import type { TransactionalStore } from 'hapax'
import type { drizzleOnMysql } from '../../../examples/bridges/drizzle-mysql.js'
import type { drizzleOnPostgres } from '../../../examples/bridges/drizzle-postgres.js'
import type { kyselyOnMysql } from '../../../examples/bridges/kysely-mysql.js'
import type { kyselyOnPostgres } from '../../../examples/bridges/kysely-postgres.js'
import type { prismaOnMysql } from '../../../examples/bridges/prisma-mysql.js'
import type { prismaOnPostgres } from '../../../examples/bridges/prisma-postgres.js'
import type { Prisma as PrismaMysql } from '../../../examples/bridges/prisma/generated/mysql/client.js'
import type { Prisma as PrismaPostgres } from '../../../examples/bridges/prisma/generated/postgres/client.js'

type StoreOf<Open extends (...given: never[]) => { store: unknown }> = ReturnType<Open>['store']
type TxOf<Store> = Store extends TransactionalStore<infer Tx> ? Tx : never

test('tx is what the library calls a transaction', () => {
  expectTypeOf<TxOf<StoreOf<typeof prismaOnPostgres>>>().toEqualTypeOf<PrismaPostgres.TransactionClient>()
  expectTypeOf<TxOf<StoreOf<typeof prismaOnMysql>>>().toEqualTypeOf<PrismaMysql.TransactionClient>()
  expectTypeOf<TxOf<StoreOf<typeof drizzleOnPostgres>>>().toEqualTypeOf<PoolClient>()
  expectTypeOf<TxOf<StoreOf<typeof drizzleOnMysql>>>().toEqualTypeOf<PoolConnection>()
})

test('a handler gets it as it is', () => {
  const options = { scope: 'types', key: ({ id }: { readonly id: string }) => id }
  const kysely = (store: StoreOf<typeof kyselyOnPostgres> | StoreOf<typeof kyselyOnMysql>): unknown =>
    inbox(
      async (_message: { readonly id: string }, { tx }) => {
        await tx.selectFrom('orders').select('quantity').execute()
        // @ts-expect-error there is no such table
        await tx.selectFrom('order').select('quantity').execute()
      },
      { store, ...options },
    )
  const prisma = (store: StoreOf<typeof prismaOnPostgres>): unknown =>
    inbox(
      async (_message: { readonly id: string }, { tx }) => {
        await tx.order.count({ where: { quantity: 3 } })
        // @ts-expect-error there is no such column
        await tx.order.count({ where: { amount: 3 } })
      },
      { store, ...options },
    )
  for (const each of [kysely, prisma]) expect(each).toBeTypeOf('function')
})
