import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Result } from '../result.js'

/** One entry per scenario, each with where and when it was measured. */
export function readResults(file: string): readonly Result[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly Result[]) : []
}

/** Puts these in the place of those of the same scenarios; the others stay. */
export function writeResults(file: string, results: readonly Result[]): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(merged(readResults(file), results), null, 1)}\n`)
}

export function merged(earlier: readonly Result[], results: readonly Result[]): readonly Result[] {
  const fresh = new Map(results.map((result) => [result.name, result]))
  const kept = earlier.map((result) => fresh.get(result.name) ?? result)
  return [...kept, ...results.filter(({ name }) => !earlier.some((each) => each.name === name))]
}
