/** Asks a database past the proxy, by the bare clients: nothing here is shared with the library. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import type { StoreName } from '../names.js'

export type Row = Readonly<Record<string, unknown>>

/** A connection of its own for each question: a server that was killed takes it along. */
export async function ask(store: StoreName, address: string, text: string, sqliteNode: string): Promise<readonly Row[]> {
  if (store === 'redis') {
    const redis = new Redis(address, { maxRetriesPerRequest: 1, lazyConnect: true })
    redis.on('error', () => undefined)
    try {
      const [command = '', ...args] = text.split(' ')
      return [{ answer: await redis.call(command, ...args) }]
    } finally {
      redis.disconnect()
    }
  }
  if (store === 'postgres') {
    const client = new Client({ connectionString: address, connectionTimeoutMillis: 5_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  if (store === 'mariadb') {
    const connection = await createConnection({ uri: address, connectTimeout: 5_000 })
    try {
      const [rows] = await connection.query(text)
      return Array.isArray(rows) ? (rows as Row[]) : []
    } finally {
      connection.destroy()
    }
  }
  const program = `
    const { DatabaseSync } = require('node:sqlite')
    const database = new DatabaseSync(process.argv[1], { timeout: 10_000 })
    process.stdout.write(JSON.stringify(database.prepare(process.argv[2]).all()))`
  const { stdout } = await promisify(execFile)(sqliteNode, ['--no-warnings', '-e', program, address, text], { maxBuffer: 2 ** 30 })
  return JSON.parse(stdout) as Row[]
}
