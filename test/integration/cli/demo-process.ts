import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { mysqlUrl, postgresUrl } from '../../services/places.js'

/** What a demo has come to. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The demo in a process group of its own, as a terminal would start it. */
export function startDemo(...words: readonly string[]): { interrupt(): void; readonly ended: Promise<Ended> } {
  // kafkajs 2.2 sets timers to negative times, and Node 24 says so; that is not the demo's word.
  const flags = ['--disable-warning=TimeoutNegativeWarning', '--import', 'tsx']
  const child = spawn(process.execPath, [...flags, 'cli/main.ts', 'demo', ...words], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told = { stdout: '', stderr: '' }
  child.stdout.on('data', (bytes) => (told.stdout += String(bytes)))
  child.stderr.on('data', (bytes) => (told.stderr += String(bytes)))
  return {
    // Ctrl-C reaches every process of the group.
    interrupt: () => void process.kill(-(child.pid ?? 0), 'SIGINT'),
    ended: new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status) => resolve({ status, ...told }))
    }),
  }
}

/** A database that nobody else has tables in. */
export interface OwnDatabase extends AsyncDisposable {
  readonly url: string
  tables(): Promise<readonly string[]>
  /** How many rows there are in a table. */
  count(table: string): Promise<number>
}

const ownName = (): string => `cli_${randomUUID().replaceAll('-', '')}`

export async function ownPostgres(): Promise<OwnDatabase> {
  const name = ownName()
  const pool = new Pool({ connectionString: postgresUrl, max: 1 })
  await pool.query(`create schema ${name}`)
  const url = new URL(postgresUrl)
  url.searchParams.set('options', `-c search_path=${name}`)
  return {
    url: url.href,
    async tables() {
      const { rows } = await pool.query<{ name: string }>('select tablename as name from pg_tables where schemaname = $1', [name])
      return rows.map((row) => row.name)
    },
    count: async (table) => Number((await pool.query<{ n: string }>(`select count(*) as n from ${name}.${table}`)).rows[0]?.n),
    async [Symbol.asyncDispose]() {
      await pool.query(`drop schema ${name} cascade`)
      await pool.end()
    },
  }
}

export async function ownMysql(): Promise<OwnDatabase> {
  const name = ownName()
  const pool = createPool({ uri: mysqlUrl, connectionLimit: 1 })
  await pool.query(`create database ${name}`)
  const url = new URL(mysqlUrl)
  url.pathname = `/${name}`
  const rowsOf = async <Row>(text: string): Promise<readonly Row[]> => (await pool.query(text))[0] as unknown as readonly Row[]
  return {
    url: url.href,
    async tables() {
      return (
        await rowsOf<{ name: string }>(`select table_name as name from information_schema.tables where table_schema = '${name}'`)
      ).map((row) => row.name)
    },
    count: async (table) => Number((await rowsOf<{ n: number }>(`select count(*) as n from ${name}.${table}`))[0]?.n),
    async [Symbol.asyncDispose]() {
      await pool.query(`drop database ${name}`)
      await pool.end()
    },
  }
}
