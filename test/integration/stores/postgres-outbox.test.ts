import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { afterAll, describe, test } from 'vitest'
import { postgresOutbox, postgresStore } from 'hapax/stores/postgres'
import { outboxSuite } from 'hapax/testing'
import { postgresUrl } from '../../services/places.js'
import type { PoolClient } from 'pg'

const admin = new Pool({ connectionString: postgresUrl })
afterAll(() => admin.end())

describe('the PostgreSQL outbox', () => {
  const suite = outboxSuite<PoolClient>({
    wakes: true,
    sideBySide: true,
    async open() {
      const table = `hapax_test_${randomUUID().replaceAll('-', '').slice(0, 12)}`
      await postgresOutbox(admin, { table }).applySchema()
      return {
        openHandle() {
          const pool = new Pool({ connectionString: postgresUrl })
          const outbox = postgresOutbox(pool, { table })
          const store = postgresStore(pool, { table })
          return { outbox, transaction: (run) => store.transaction(run), close: () => pool.end() }
        },
        close: async () => void (await admin.query(`drop table ${table}, ${table}_lanes`)),
      }
    },
  })
  for (const { name, run } of suite) test(name, run)
})
