import { inbox } from 'hapax'
import { postgresStore } from 'hapax/stores/postgres'
import type { Idempotent } from 'hapax'
import type { PostgresBridge, PostgresStore } from 'hapax/stores/postgres'
import type { Prisma, PrismaClient } from './prisma/generated/postgres/client.js'
import type { Order } from './order.js'

export function prismaOnPostgres(prisma: PrismaClient): { store: PostgresStore<Prisma.TransactionClient>; save: Idempotent<Order, void> } {
  // #region bridge
  const bridge: PostgresBridge<Prisma.TransactionClient> = {
    query: (text, values) => prisma.$queryRawUnsafe<unknown[]>(text, ...values),
    queryIn: (tx, text, values) => tx.$queryRawUnsafe<unknown[]>(text, ...values),
    // Prisma ends a transaction by itself, after 5 seconds by default. Let it be longer than handlers may run.
    transaction: (run) => prisma.$transaction(run, { maxWait: 10_000, timeout: 600_000 }),
  }
  // #endregion
  const store = postgresStore(bridge)
  const save = inbox(
    async (order: Order, { tx }) => {
      await tx.order.create({ data: order })
      await tx.stock.update({ where: { item: order.item }, data: { pieces: { decrement: order.quantity } } })
    },
    { store, scope: 'orders.save', key: ({ id }) => id },
  )
  return { store, save }
}
