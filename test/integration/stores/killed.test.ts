import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mysqlStore } from 'hapax/stores/mysql'
import { postgresStore } from 'hapax/stores/postgres'
import { mysqlUrl, postgresUrl, servicesDir } from '../../services/places.js'
import { openPool } from './killed/pools.js'
import { freshName } from './table.js'
import type { RowDataPacket } from 'mysql2/promise'
import type { Words } from './killed/pools.js'

const folder = (mkdirSync(servicesDir, { recursive: true }), mkdtempSync(join(servicesDir, 'killed-')))
const program = join(folder, 'worker.mjs')
beforeAll(async () => {
  const entry = fileURLToPath(new URL('killed/worker.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
  })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a worker that dies at a statement. Whether it did; not if it never came to that many statements. */
async function dies(words: Words): Promise<boolean> {
  const child = spawn(process.execPath, [program, JSON.stringify(words)], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors += String(data)))
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('close', (...ended) => resolve(ended)),
  )
  if (signal === 'SIGKILL') return true
  if (code !== 0) throw new Error(`The worker has ended with ${code ?? signal}: ${errors}`)
  return false
}

const databases = {
  postgres() {
    const table = freshName()
    const rows = `${table}_rows`
    const pool = new Pool({ connectionString: postgresUrl })
    return {
      url: postgresUrl,
      table,
      rows,
      async make() {
        await postgresStore(pool, { table }).applySchema()
        // Without a key: what is done twice stands in it twice.
        await pool.query(`create table ${rows} (name text not null)`)
      },
      count: async (key: string) =>
        Number((await pool.query<{ n: string }>(`select count(*) as n from ${rows} where name = $1`, [key])).rows[0]?.n),
      async remove() {
        await pool.query(`drop table ${table}, ${rows}`)
        await pool.end()
      },
    }
  },
  mysql() {
    const table = freshName()
    const rows = `${table}_rows`
    const pool = createPool(mysqlUrl)
    return {
      url: mysqlUrl,
      table,
      rows,
      async make() {
        await mysqlStore(pool, { table }).applySchema()
        await pool.query(`create table ${rows} (name varchar(64) not null)`)
      },
      async count(key: string) {
        const [[row]] = await pool.query<RowDataPacket[]>(`select count(*) as n from ${rows} where name = ?`, [key])
        return Number(row?.n)
      },
      async remove() {
        await pool.query(`drop table if exists ${table}, ${table}_slots, ${rows}`)
        await pool.end()
      },
    }
  },
}

for (const database of ['postgres', 'mysql'] as const) {
  describe(`an inbox on ${database} whose process is killed between two statements`, () => {
    const { url, table, rows, make, count, remove } = databases[database]()
    const words = { database, url, table, rows }
    beforeAll(make)
    afterAll(remove)

    for (const claimsFirst of [false, true]) {
      test(`has its effect once, wherever that was${claimsFirst ? ', claimed by lease before' : ''}`, { timeout: 120_000 }, async () => {
        let points = 0
        for (const when of ['before', 'after'] as const) {
          for (let lastStatement = 1; ; lastStatement += 1) {
            const key = `${when}-${lastStatement}-${claimsFirst}`
            if (!(await dies({ ...words, key, claimsFirst, lastStatement, when }))) break
            points += 1
            // Whoever has the message next: busy until the server has rolled back, or the lease is over.
            const next = openPool({ ...words, key, claimsFirst, lastStatement, when }, (send) => send())
            for (;;) {
              const { status } = await next.save.once(key)
              if (status === 'handled' || status === 'duplicate') break
              expect(status).toBe('busy')
              await sleep(20)
            }
            expect(await count(key), `killed ${when} statement ${lastStatement}`).toBe(1)
            expect((await next.save.once(key)).status).toBe('duplicate')
            await next.close()
          }
        }
        // begin, claimIn, the handler's insert, commit; and before them a claim.
        expect(points).toBeGreaterThanOrEqual(claimsFirst ? 10 : 8)
      })
    }
  })
}
