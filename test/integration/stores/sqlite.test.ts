import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { nodeBinary, nodeVersions } from '../../package/nodes.js'
import { servicesDir } from '../../services/places.js'
import { allCases } from './sqlite/cases.js'
import type { ChildProcess } from 'node:child_process'
import type { Client } from './sqlite/client.js'
import type { Told } from './sqlite/runner.js'

/** The client under test: `node:sqlite`, or the folder of a better-sqlite3 that this Node can load. */
const specifier = process.env.HAPAX_TEST_SQLITE || 'node:sqlite'

/** Where this Node has no `node:sqlite`, one from npm runs the cases. */
const node = specifier !== 'node:sqlite' || isBuiltin('node:sqlite') ? process.execPath : nodeBinary(nodeVersions[1])

const folder = (mkdirSync(servicesDir, { recursive: true }), mkdtempSync(join(servicesDir, 'sqlite-')))
const told = new Map<string, Told>()
const heard = new Map<string, () => void>()
let ended: string | undefined
let runner: ChildProcess | undefined

beforeAll(async () => {
  const outfile = join(folder, 'runner.mjs')
  const entry = fileURLToPath(new URL('sqlite/runner.ts', import.meta.url))
  await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning' })
  const { stdout } = (runner = spawn(node, ['--no-warnings', outfile, specifier], { stdio: ['ignore', 'pipe', 'inherit'] }))
  createInterface({ input: stdout }).on('line', (line) => {
    const each = JSON.parse(line) as Told
    told.set(`${each.group}: ${each.name}`, each)
    heard.get(`${each.group}: ${each.name}`)?.()
  })
  runner.on('close', (code, signal) => {
    ended = `The runner has ended with ${code ?? signal}, and said nothing of this case`
    for (const wake of heard.values()) wake()
  })
})
afterAll(() => {
  runner?.kill()
  rmSync(folder, { recursive: true })
})

/** Only names are asked of it here. */
const nobody: Client = {
  open: () => {
    throw new Error('The cases are run by another process')
  },
  openForBigInts: () => {
    throw new Error('The cases are run by another process')
  },
}

for (const [group, cases] of Object.entries(allCases(nobody, specifier))) {
  describe(group, () => {
    for (const { name } of cases) {
      test(name, { timeout: 120_000 }, async () => {
        const title = `${group}: ${name}`
        if (!told.has(title) && ended === undefined) await new Promise<void>((resolve) => heard.set(title, resolve))
        const error = told.has(title) ? told.get(title)?.error : ended
        if (error !== undefined) throw new Error(error)
      })
    }
  })
}
