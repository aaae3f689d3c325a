import { join } from 'node:path'
import { servicesDir } from './places.js'
import { ask, run } from './run.js'

/** Whether this is root on a system with Debian's packages. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && ask('apt-get', '--version') !== undefined
}

/** Installs Debian packages if we may; else says what to do. The first name of each list that the system knows is taken. */
export async function install(what: string, ...choices: readonly (readonly string[])[]): Promise<void> {
  const first = choices.map(([name]) => name).join(' ')
  if (!mayInstall()) {
    throw new Error(`${what} is missing. Install it (on Debian: apt-get install ${first}) or run \`docker compose up -d\`.`)
  }
  const log = join(servicesDir, 'apt.log')
  console.log(`         installing ${first} (log: ${log})`)
  await run('apt-get', ['update'], log)
  const names = choices.map((list) => list.find((name) => ask('apt-cache', 'show', name) !== undefined) ?? list[0] ?? '')
  // What another package would have to give way for is not ours to replace.
  await run('apt-get', ['install', '--yes', '--no-install-recommends', '--no-remove', ...names], log)
}
