import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bornAt, isAlive, type Identity } from './processes.js'
import { servicesDir } from './places.js'

/** A server that `npm run services` started, and may therefore stop. */
export interface Started extends Identity {
  readonly name: string
  readonly address: string
  readonly version?: string
}

const file = join(servicesDir, 'state.json')

export function started(): readonly Started[] {
  return readJson<Started[]>(file)?.filter(isAlive) ?? []
}

export function remember(entry: Started): void {
  write([...started().filter(({ address }) => address !== entry.address), entry])
}

export function forget(address: string): void {
  write(started().filter((entry) => entry.address !== address))
}

function write(entries: readonly Started[]): void {
  mkdirSync(servicesDir, { recursive: true })
  writeFileSync(file, JSON.stringify(entries, null, 2) + '\n')
}

function readJson<Value>(path: string): Value | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Value
  } catch {
    return undefined
  }
}

/** One at a time: of two runs at once, each would take the other's half-started server for a leftover and end it. */
export async function locked<Value>(run: () => Promise<Value>): Promise<Value> {
  const lock = join(servicesDir, 'lock.json')
  mkdirSync(servicesDir, { recursive: true })
  while (!take(lock)) {
    const holder = readJson<Identity>(lock)
    if (holder && !isAlive(holder)) rmSync(lock, { force: true })
    await sleep(100)
  }
  try {
    return await run()
  } finally {
    rmSync(lock, { force: true })
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, JSON.stringify({ pid: process.pid, bornAt: bornAt(process.pid) }), { flag: 'wx' })
    return true
  } catch {
    return false
  }
}
