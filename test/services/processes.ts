import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** What tells a process from a later one that was given the same id; undefined when there is none. */
export function bornAt(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name before it, in brackets, may hold spaces and brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // A zombie is over once its last thread is: until then a JVM's other threads still hold its ports.
      const over = fields[0] === 'Z' && readdirSync(`/proc/${pid}/task`).length === 1
      return over ? undefined : fields[19]
    }
    const [state = 'Z', ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
    return state.startsWith('Z') ? undefined : start.join(' ')
  } catch {
    return undefined
  }
}

export interface Identity {
  readonly pid: number
  readonly bornAt: string
}

export function isAlive(identity: Identity): boolean {
  return bornAt(identity.pid) === identity.bornAt
}

export function signal(identity: Identity, name: NodeJS.Signals): void {
  if (isAlive(identity)) process.kill(identity.pid, name)
}

/** Ends a process and waits until it is gone. */
export async function end(identity: Identity, name: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  signal(identity, name)
  // A stopped process gets no other signal than SIGKILL until it goes on.
  signal(identity, 'SIGCONT')
  for (let waitedMs = 0; isAlive(identity); waitedMs += 20) {
    if (waitedMs === 30_000) signal(identity, 'SIGKILL')
    await sleep(20)
  }
}
