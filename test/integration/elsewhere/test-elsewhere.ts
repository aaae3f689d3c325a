import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { servicesDir } from '../../services/places.js'
import type { ChildProcess } from 'node:child_process'
import type { SuiteCase } from 'hapax/testing'
import type { Told } from './run-cases.js'

export interface ElsewhereOptions {
  /** The program that runs the cases, by `runCases`. */
  readonly entry: string
  /** The Node that runs it. */
  readonly node: string
  readonly args?: readonly string[]
  /** The same cases; only their names are looked at. */
  readonly cases: Readonly<Record<string, readonly SuiteCase[]>>
  /** How long a case may take, those included that are run before it, in milliseconds. */
  readonly timeoutMs: number
}

/** Has cases run by another Node, as the one that tests may lack `node:sqlite`, and tells of each as a test. */
export function testElsewhere({ entry, node, args = [], cases, timeoutMs }: ElsewhereOptions): void {
  const folder = (mkdirSync(servicesDir, { recursive: true }), mkdtempSync(join(servicesDir, 'elsewhere-')))
  const told = new Map<string, Told>()
  const heard = new Map<string, () => void>()
  let ended: string | undefined
  let runner: ChildProcess | undefined

  beforeAll(async () => {
    const outfile = join(folder, 'runner.mjs')
    const how = { bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'warning' } as const
    await build({ entryPoints: [entry], outfile, ...how })
    const { stdout } = (runner = spawn(node, ['--no-warnings', outfile, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }))
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

  for (const [group, each] of Object.entries(cases)) {
    describe(group, () => {
      for (const { name } of each) {
        test(name, { timeout: timeoutMs }, async () => {
          const title = `${group}: ${name}`
          if (!told.has(title) && ended === undefined) await new Promise<void>((resolve) => heard.set(title, resolve))
          const error = told.has(title) ? told.get(title)?.error : ended
          if (error !== undefined) throw new Error(error)
        })
      }
    })
  }
}
