/** Where and on what was measured: nobody can read a number without it. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { root } from './places.js'

export interface Facts {
  readonly at: string
  readonly commit: string | undefined
  readonly node: string
  readonly cpu: string
  readonly cpus: number
  readonly memoryBytes: number
  /** Of the last minute, 5 and 15 minutes before it began. */
  readonly load: readonly number[]
  /** Of the clients that all contenders share. */
  readonly clients: Readonly<Record<string, string>>
  /** Of the peers. */
  readonly peers: Readonly<Record<string, string>>
  /** Versions and durability of the servers, as they say themselves. */
  readonly servers: Readonly<Record<string, string>>
}

const clientNames = ['ioredis', 'redis', 'pg', 'mysql2', 'kafkajs', 'amqplib']

export function gatherFacts(servers: Facts['servers'], node: string): Facts {
  const [first] = cpus()
  return {
    at: new Date().toISOString(),
    commit: commitOf(),
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    cpu: first?.model ?? 'unknown',
    cpus: cpus().length,
    memoryBytes: totalmem(),
    load: loadavg(),
    clients: Object.fromEntries(clientNames.map((name) => [name, versionOf('node_modules', name)])),
    peers: Object.fromEntries(peerNames().map((name) => [name, versionOf('bench', 'peers', 'node_modules', name)])),
    servers,
  }
}

function peerNames(): readonly string[] {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'bench', 'peers', 'package.json'), 'utf8')) as {
    readonly dependencies: Record<string, string>
  }
  return Object.keys(dependencies)
}

function versionOf(...path: readonly string[]): string {
  try {
    return (JSON.parse(readFileSync(join(root, ...path, 'package.json'), 'utf8')) as { readonly version: string }).version
  } catch {
    return 'not installed'
  }
}

function commitOf(): string | undefined {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src', 'adapters') === '' ? '' : ' and changes'}`
  } catch {
    return undefined
  }
}
