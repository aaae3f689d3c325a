import { Client } from 'pg'
import { postgresUrl } from '../../test/services/places.js'
import { freshName } from './names.js'
import type { OpenStage } from './stage.js'

/** A database of its own in the PostgreSQL of `npm run services`. */
export const postgresStage: OpenStage = async () => {
  const admin = new Client({ connectionString: postgresUrl })
  await admin.connect()
  const database = freshName()
  await admin.query(`create database ${database}`)
  const url = new URL(postgresUrl)
  url.pathname = database
  const client = new Client({ connectionString: url.href })
  await client.connect()
  const { rows } = await client.query<{ told: string }>(
    `select current_setting('server_version') || ', fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit') as told`,
  )
  return {
    servers: { PostgreSQL: rows[0]?.told ?? '' },
    prepare: async () => ({ postgres: url.href }),
    async tidy(run) {
      const { rows: tables } = await client.query<{ name: string }>(
        'select tablename as name from pg_tables where starts_with(tablename, $1)',
        [run],
      )
      for (const { name } of tables) await client.query(`drop table if exists "${name}" cascade`)
      // Of the peer that takes a whole one.
      await admin.query(`drop database if exists ${run} with (force)`)
    },
    async close() {
      await client.end()
      await admin.query(`drop database if exists ${database} with (force)`)
      await admin.end()
    },
  }
}
