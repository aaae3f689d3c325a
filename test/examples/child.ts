import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** An example that runs as a program of its own. */
export interface Child {
  /** What it has printed so far. */
  readonly output: () => string
  signal(name: NodeJS.Signals): void
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

const root = fileURLToPath(new URL('../../', import.meta.url))

export function runExample(file: string, env: Readonly<Record<string, string>>): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${file}`], { cwd: root, env: { ...process.env, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? null)
  return { output: () => output, signal: (name) => void child.kill(name), ended }
}
