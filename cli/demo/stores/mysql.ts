import { inbox } from '../../../src/index.js'
import { mysqlStore } from '../../../adapters/stores/mysql.js'
import { faultOfUrl } from '../addresses.js'
import { leaseKeeping } from '../keeping.js'
import { nameInSql } from './store.js'
import type { ChargeRow, StoreProduct } from './store.js'
import type { Payment } from '../payments.js'
import type { Pool, PoolConnection, RowDataPacket } from 'mysql2/promise'

const load = () => import('mysql2/promise')
const good = 'mysql://user:password@localhost:3306/shop'

export const mysqlDemoStore: StoreProduct = {
  name: 'MySQL',
  client: 'mysql2',
  load,
  hasInbox: true,
  faultOf: (at) =>
    faultOfUrl(at, ['mysql:'], good) ?? (new URL(at).pathname.length > 1 ? undefined : `must name a database, such as ${good}`),

  async open(at, run) {
    const { createPool } = await load()
    const pool = createPool({ uri: at, connectTimeout: 5_000 })
    const ledger = `${nameInSql(run)}_ledger`
    const table = `${nameInSql(run)}_records`
    const store = mysqlStore(pool, { table })
    const insert = async (client: Pool | PoolConnection, worker: string, { id, cents }: Payment): Promise<void> => {
      await client.query(`insert into ${ledger} (worker, payment, cents) values (?, ?, ?)`, [worker, id, cents])
    }
    await pool.query('select 1')
    return {
      async make() {
        await store.applySchema()
        await pool.query(
          `create table ${ledger} (id int auto_increment primary key, worker varchar(40) not null, payment varchar(40) not null, cents int not null) engine = InnoDB`,
        )
      },
      byLease: (move) => leaseKeeping(store, move),
      withInbox: (worker) => ({
        move: (payment) => insert(pool, worker, payment),
        wrap: (charge, options) =>
          inbox((payment: Payment, { attempt, tx }) => charge(payment, attempt, () => insert(tx, worker, payment)), { ...options, store }),
      }),
      async charges() {
        const [rows] = await pool.query<(RowDataPacket & ChargeRow)[]>(`select id, worker, payment, cents from ${ledger} order by id`)
        return rows
      },
      remove: async () => void (await pool.query(`drop table if exists ${ledger}, ${table}, ${table}_slots`)),
      close: () => pool.end(),
    }
  },
}
