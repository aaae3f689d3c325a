import { createConnection } from 'mysql2/promise'
import { mysqlUrl } from '../../test/services/places.js'
import { freshName } from './names.js'
import type { RowDataPacket } from 'mysql2/promise'
import type { OpenStage } from './stage.js'

/** A database of its own in the MariaDB (or MySQL) of `npm run services`. */
export const mariadbStage: OpenStage = async () => {
  const admin = await createConnection(mysqlUrl)
  const database = freshName()
  await admin.query(`create database ${database}`)
  const url = new URL(mysqlUrl)
  url.pathname = database
  const [rows] = await admin.query<RowDataPacket[]>(
    `select concat(version(), ', innodb_flush_log_at_trx_commit ', @@innodb_flush_log_at_trx_commit, ', log_bin ', @@log_bin) as told`,
  )
  const told = String(rows[0]?.['told'])
  const flavour = told.includes('MariaDB') ? 'MariaDB' : 'MySQL'
  return {
    servers: { [flavour]: told },
    prepare: async () => ({ mariadb: url.href, flavour }),
    async tidy(run) {
      const [tables] = await admin.query<RowDataPacket[]>(
        'select table_name as name from information_schema.tables where table_schema = ? and table_name like ?',
        [database, `${run}%`],
      )
      for (const { name } of tables) await admin.query(`drop table if exists ${database}.\`${String(name)}\``)
    },
    async close() {
      await admin.query(`drop database ${database}`)
      await admin.end()
    },
  }
}
