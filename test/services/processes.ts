import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** What tells a process from a later one that was given the same id; undefined when there is none. */
export function bornAt(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const fields = stat(pid)
      // A zombie is over once its last thread is: until then a JVM's other threads still hold its ports.
      const over = fields[0] === 'Z' && readdirSync(`/proc/${pid}/task`).length === 1
      return over ? undefined : fields[19]
    }
    const [state = 'Z', ...start] = ps('-o', 'stat=,lstart=', '-p', String(pid)).trim().split(/\s+/)
    return state.startsWith('Z') ? undefined : start.join(' ')
  } catch {
    return undefined
  }
}

export interface Identity {
  readonly pid: number
  readonly bornAt: string
  /** The signal that lets it shut down in its own way. @default SIGTERM */
  readonly stopBy?: NodeJS.Signals
}

export function isAlive(identity: Identity): boolean {
  return bornAt(identity.pid) === identity.bornAt
}

/** Signals a process and all that it has started: PostgreSQL has a process for each connection. */
export function signal(identity: Identity, name: NodeJS.Signals): void {
  for (const member of family(identity)) send(member, name)
}

/** Ends a process and all that it has started, and waits until they are gone. */
export async function end(identity: Identity, how: 'stop' | 'kill'): Promise<void> {
  const members = family(identity)
  if (how === 'stop') send(identity, identity.stopBy ?? 'SIGTERM')
  // A stopped process gets no other signal than SIGKILL until it goes on.
  for (const member of members) send(member, how === 'stop' ? 'SIGCONT' : 'SIGKILL')
  for (let waitedMs = 0; members.some(isAlive); waitedMs += 20) {
    // What outlives the one that started it is of no use to anybody.
    if (waitedMs === 30_000 || !isAlive(identity)) for (const member of members) send(member, 'SIGKILL')
    await sleep(20)
  }
}

function send(identity: Identity, name: NodeJS.Signals): void {
  if (isAlive(identity)) process.kill(identity.pid, name)
}

/** A process and all that descends from it, the eldest first; nothing once it is gone. */
function family(identity: Identity): readonly Identity[] {
  if (!isAlive(identity)) return []
  const members = [identity]
  const everybody = parents()
  // It grows while it is walked through.
  for (const { pid } of members) {
    for (const [child, parent] of everybody) {
      const birth = parent === pid ? bornAt(child) : undefined
      if (birth !== undefined) members.push({ pid: child, bornAt: birth })
    }
  }
  return members
}

/** The parent of every process on this machine. */
function parents(): ReadonlyMap<number, number> {
  if (process.platform !== 'linux') {
    const lines = ps('-A', '-o', 'pid=,ppid=').trim().split('\n')
    return new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]))
  }
  const found = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    try {
      found.set(pid, Number(stat(pid)[1]))
    } catch {
      // It has ended since the folder was read.
    }
  }
  return found
}

/** What Linux says about a process, from its state on. */
function stat(pid: number): readonly string[] {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name before it, in brackets, may hold spaces and brackets.
  return line.slice(line.lastIndexOf(')') + 2).split(' ')
}

function ps(...args: string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8' })
}
