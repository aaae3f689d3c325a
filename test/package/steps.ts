import { spawnSync } from 'node:child_process'

let failures = 0

/** Runs one named step; a failure is printed with its name and does not keep the next steps from running. */
export function step<Value>(name: string, run: () => Value): Value | undefined {
  try {
    const value = run()
    console.log(`ok      ${name}`)
    return value
  } catch (error) {
    failures++
    console.log(`FAILED  ${name}\n${(error as Error).message.replace(/^/gm, '        ')}`)
    return undefined
  }
}

export function failed(): boolean {
  return failures > 0
}

/** Runs a command and answers with what it printed; throws with all that it printed when it fails. */
export function sh(cwd: string, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`.trim())
  return stdout
}
