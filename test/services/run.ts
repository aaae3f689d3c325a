import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** Runs a command to its end, its output in a log; rejects with the end of the log when it fails. */
export async function run(command: string, args: readonly string[], log: string): Promise<void> {
  mkdirSync(dirname(log), { recursive: true })
  const output = openSync(log, 'w')
  const child = spawn(command, args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  closeSync(output)
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed. The end of ${log}:\n${tail(log)}`)
}

export function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20).join('\n')
}

/** What a command prints about itself, on either stream; undefined when it cannot be run. */
export function ask(command: string, ...args: string[]): string | undefined {
  const answer = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return answer.status === 0 ? answer.stdout + answer.stderr : undefined
}

/** Where a program is: in the first of these folders that has it, else on the PATH; undefined when it is nowhere. */
export function locate(name: string, ...folders: readonly string[]): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter)
  return [...folders, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file))
}
