import { fork } from 'node:child_process'
import { childFile, peersDir } from './places.js'
import type { Measured } from '../contract.js'
import type { Work } from '../child/work.js'

export type Ended = { readonly measured: Measured } | { readonly lastWords: string }

export interface SpawnOptions {
  /** The Node that runs it. */
  readonly node: string
  readonly limitMs: number
  readonly signal: AbortSignal
}

const mostWords = 2_000

/** Runs a contender in a process of its own. Never rejects: one that crashes or hangs is told with its last words. */
export function spawnContender(work: Work, { node, limitMs, signal }: SpawnOptions): Promise<Ended> {
  const child = fork(childFile, [JSON.stringify(work)], {
    execPath: node,
    execArgv: ['--expose-gc', '--no-warnings'],
    env: { ...process.env, HAPAX_BENCH_PEERS: peersDir },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let words = ''
  let measured: Measured | undefined
  let hangs = false
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (data: Buffer) => (words = (words + String(data)).slice(-mostWords)))
  }
  child.on('message', (message) => (measured = message as Measured))
  const kill = (): void => void child.kill('SIGKILL')
  const limit = setTimeout(() => {
    hangs = true
    kill()
  }, limitMs)
  signal.addEventListener('abort', kill)
  return new Promise((resolve) => {
    child.once('error', (error) => (words += String(error)))
    child.once('close', (code, killedBy) => {
      clearTimeout(limit)
      signal.removeEventListener('abort', kill)
      if (measured) return resolve({ measured })
      const how = hangs ? `did not end within ${limitMs / 1_000} s` : killedBy ? `was ended by ${killedBy}` : `ended with status ${code}`
      const said = lastLines(words)
      resolve({ lastWords: said === '' ? how : `${how}: ${said}` })
    })
  })
}

/** The error and what it says, without where it was thrown. */
function lastLines(words: string): string {
  const lines = words
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(at |file:|node:|Node\.js v|\^|throw |\}|triggerUncaught)/.test(line))
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '').slice(0, 300)
}
