import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { matrixDir, root } from './places.js'
import type { Cell, Surroundings } from './cells.js'

export interface Result {
  readonly name: string
  readonly passed: number
  /** What failed, a line each. */
  readonly failures: readonly string[]
  readonly seconds: number
  readonly log: string
}

/** Runs a cell to its end. What goes wrong, before the tests as well, is one of its failures. */
export async function runCell(cell: Cell, signal: AbortSignal, tell: (line: string) => void): Promise<Result> {
  const since = performance.now()
  const log = join(matrixDir, `${cell.name}.log`)
  const report = join(matrixDir, `${cell.name}.json`)
  mkdirSync(matrixDir, { recursive: true })
  rmSync(report, { force: true })
  const seconds = (): number => (performance.now() - since) / 1000
  let surroundings: Surroundings | undefined
  try {
    tell(`${cell.name}: getting ready`)
    surroundings = await cell.prepare()
    let tests = 0
    const code = await runTests(cell, surroundings, { log, report, signal }, (line) => {
      const [, file, count] = /[✓❯] (?:\|\w+\| )?(\S+) \((\d+) tests?/.exec(line) ?? []
      if (file === undefined) return
      tests += Number(count)
      tell(`${cell.name}: ${tests} tests in ${Math.round(seconds())} s, ${file}`)
    })
    return { name: cell.name, log, ...read(report, code), seconds: seconds() }
  } catch (error) {
    return { name: cell.name, log, passed: 0, failures: [error instanceof Error ? error.message : String(error)], seconds: seconds() }
  } finally {
    await surroundings?.close?.()
  }
}

interface Paths {
  readonly log: string
  readonly report: string
  readonly signal: AbortSignal
}

function runTests(cell: Cell, around: Surroundings, paths: Paths, hear: (line: string) => void): Promise<number | string | null> {
  const { cwd = root, node = process.execPath, env } = around
  const child = spawn(node, ['node_modules/vitest/vitest.mjs', 'run', ...cell.tests], {
    cwd,
    // In CI a server that is missing is a failure.
    env: { ...process.env, CI: 'true', NO_COLOR: '1', ...env, HAPAX_TEST_REPORT: paths.report },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: paths.signal,
  })
  const log = createWriteStream(paths.log)
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  createInterface({ input: child.stdout }).on('line', hear)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, name) => {
      log.end()
      resolve(code ?? name)
    })
  })
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

function read(report: string, code: number | string | null): Pick<Result, 'passed' | 'failures'> {
  if (!existsSync(report)) return { passed: 0, failures: [`the tests ended with ${code} and without a report`] }
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed').map((test) => `${name} > ${test.fullName}`)
    return status === 'failed' && failed.length === 0 ? [`${name} failed as a whole: ${message}`] : failed
  })
  const passed = testResults.flatMap(({ assertionResults }) => assertionResults.filter((test) => test.status === 'passed')).length
  if (passed === 0) failures.push('no test was run')
  if (code !== 0 && failures.length === 0) failures.push(`the tests ended with ${code}`)
  return { passed, failures }
}
