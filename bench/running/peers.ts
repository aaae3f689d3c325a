import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../test/services/run.js'
import { servicesDir } from '../../test/services/places.js'
import { peersDir } from './places.js'

const log = join(servicesDir, 'bench', 'peers.log')
/** What was installed last. It goes with the packages. */
const stamp = join(peersDir, 'node_modules', '.installed-lock.json')

/** Installs the peers unless they are. Answers why they cannot be had; undefined when they are there. */
export async function needPeers(say: (text: string) => void): Promise<string | undefined> {
  const lock = readFileSync(join(peersDir, 'package-lock.json'), 'utf8')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return undefined
  say('Installing what Hapax is put beside (bench/peers), once …')
  try {
    // None of them has to be compiled, and none has to run anything here.
    await run('npm', ['ci', '--prefix', peersDir, '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'], log)
    writeFileSync(stamp, lock)
    return undefined
  } catch {
    return `not installed: ${reasonIn(readFileSync(log, 'utf8'))} (${log})`
  }
}

/** What npm says went wrong, without its codes. */
function reasonIn(said: string): string {
  const lines = said.split('\n').map((line) => /^npm (?:error|ERR!) (.+)$/.exec(line)?.[1] ?? '')
  return lines.find((line) => line !== '' && !/^(?:code|errno|syscall|path|type) /.test(line)) ?? 'npm ci failed'
}
