import { inbox } from '../../../src/index.js'
import { postgresStore } from '../../../adapters/stores/postgres.js'
import { faultOfUrl } from '../addresses.js'
import { leaseKeeping } from '../keeping.js'
import { nameInSql } from './store.js'
import type { ChargeRow, StoreProduct } from './store.js'
import type { Payment } from '../payments.js'
import type { Pool, PoolClient } from 'pg'

const load = () => import('pg')

export const postgresDemoStore: StoreProduct = {
  name: 'PostgreSQL',
  client: 'pg',
  load,
  hasInbox: true,
  faultOf: (at) => faultOfUrl(at, ['postgres:', 'postgresql:'], 'postgres://user:password@localhost:5432/shop'),

  async open(at, run) {
    const { default: pg } = await load()
    const pool = new pg.Pool({ connectionString: at, connectionTimeoutMillis: 5_000 })
    // What is lost with a connection that is not in use is told by what is asked next.
    pool.on('error', () => undefined)
    const ledger = `${nameInSql(run)}_ledger`
    const table = `${nameInSql(run)}_records`
    const store = postgresStore(pool, { table })
    const insert = async (client: Pool | PoolClient, worker: string, { id, cents }: Payment): Promise<void> => {
      await client.query(`insert into ${ledger} (worker, payment, cents) values ($1, $2, $3)`, [worker, id, cents])
    }
    await pool.query('select 1')
    return {
      async make() {
        await store.applySchema()
        await pool.query(
          `create table ${ledger} (id integer generated always as identity primary key, worker text not null, payment text not null, cents integer not null)`,
        )
      },
      byLease: (move) => leaseKeeping(store, move),
      withInbox: (worker) => ({
        move: (payment) => insert(pool, worker, payment),
        wrap: (charge, options) =>
          inbox((payment: Payment, { attempt, tx }) => charge(payment, attempt, () => insert(tx, worker, payment)), { ...options, store }),
      }),
      charges: async () => (await pool.query<ChargeRow>(`select id, worker, payment, cents from ${ledger} order by id`)).rows,
      remove: async () => void (await pool.query(`drop table if exists ${ledger}, ${table}`)),
      close: () => pool.end(),
    }
  },
}
