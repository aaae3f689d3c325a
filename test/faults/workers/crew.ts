/** The worker processes of a run: started, killed, stalled, stopped in their own way, and told to set their clock. */
import { fork } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import type { ChildProcess } from 'node:child_process'
import type { Tells, Told, Words } from './worker.js'

export type Program = 'schema' | 'lease' | 'inbox' | 'relay' | 'sender'

/** One worker process. A successor has a name of its own. */
export interface Member {
  readonly name: string
  readonly program: Program
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP and SIGCONT. */
  pause(): void
  resume(): void
  /** SIGTERM; resolves when it is gone. Rejects when it is still there after this time, and kills it. */
  stop(withinMs: number): Promise<void>
  tell(told: Told): void
  sample(): Promise<Extract<Tells, { what: 'sample' }> | undefined>
}

export interface Crew {
  readonly members: readonly Member[]
  /** Those that ended by themselves, with the end of what they said: no fault may do that to a worker that was ready. */
  readonly crashes: readonly string[]
  /** Tries until it could start, as whoever runs it in production does. Resolves when it is ready; `undefined` when the crew was dismissed meanwhile. */
  hire(program: Program): Promise<Member | undefined>
  /** Takes a member off the list: nothing else will be done to it. */
  take(member: Member): void
  /** Nobody is hired any more. */
  dismiss(): void
  /** Ends with SIGKILL whoever is left. */
  end(): void
}

export interface CrewOptions {
  readonly words: Omit<Words, 'name' | 'ledger'>
  readonly folder: string
  /** The Node that runs them. */
  readonly node: string
  readonly programs: readonly Program[]
  readonly say: (text: string) => void
}

export async function openCrew({ words, folder, node, programs, say }: CrewOptions): Promise<Crew> {
  const files = new Map<Program, string>()
  for (const program of programs) {
    const outfile = join(folder, `${program}.mjs`)
    const entry = fileURLToPath(new URL(`${program}.ts`, import.meta.url))
    const how = { bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'error' } as const
    await build({ entryPoints: [entry], outfile, ...how })
    files.set(program, outfile)
  }
  const members: Member[] = []
  const crashes: string[] = []
  /** All that run, those included that are not ready, or that a fault has taken off the list. */
  const children = new Set<ChildProcess>()
  let isDismissed = false
  let numbered = 0

  const start = async (program: Program): Promise<Member | undefined> => {
    const name = `${program}-${(numbered += 1)}`
    const given: Words = { ...words, name, ledger: join(folder, `${name}.ledger`), seed: words.seed + numbered }
    const child = fork(files.get(program) ?? '', [JSON.stringify(given)], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execPath: node,
      execArgv: ['--no-warnings', '--expose-gc'],
    })
    children.add(child)
    child.once('exit', () => children.delete(child))
    let errors = ''
    child.stderr?.on('data', (data: Buffer) => (errors = (errors + String(data)).slice(-4_000)))
    const isReady = await new Promise<boolean>((resolve) => {
      child.once('message', () => resolve(true))
      child.once('exit', () => resolve(false))
    })
    if (!isReady) {
      say(`${name} could not start: ${errors.split('\n').find((line) => line.includes('rror')) ?? 'it gave no reason'}`)
      return undefined
    }
    const member = openMember(name, program, child)
    child.once('exit', (code) => {
      if (code !== null && code !== 0) {
        crashes.push(`${name} with exit status ${code}: ${errors.trim()}`)
        say(`${name} HAS CRASHED with exit status ${code}:\n${errors}`)
      }
      if (members.includes(member)) members.splice(members.indexOf(member), 1)
    })
    return member
  }

  return {
    members,
    crashes,
    async hire(program) {
      for (let tries = 0; ; tries += 1) {
        if (isDismissed) return undefined
        const member = await start(program)
        if (member) {
          members.push(member)
          return member
        }
        await sleep(Math.min(2_000, 250 * 2 ** tries))
      }
    },
    take: (member) => void members.splice(members.indexOf(member), 1),
    dismiss: () => void (isDismissed = true),
    end() {
      isDismissed = true
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

/** The ledgers of all that ever were. */
export function ledgersIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ledger'))
    .map((file) => join(folder, file))
}

function openMember(name: string, program: Program, child: ChildProcess): Member {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    name,
    program,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop(withinMs) {
      child.kill('SIGTERM')
      const giveUp = new AbortController()
      const late = sleep(withinMs, true, { signal: giveUp.signal }).catch(() => false)
      if (await Promise.race([gone.then(() => false), late])) {
        child.kill('SIGKILL')
        throw new Error(`${name} had not stopped ${withinMs} ms after SIGTERM`)
      }
      giveUp.abort()
    },
    tell: (told) => void (child.connected && child.send(told)),
    async sample() {
      if (!child.connected) return undefined
      const answer = new Promise<Extract<Tells, { what: 'sample' }> | undefined>((resolve) => {
        child.once('message', (tells: Tells) => resolve(tells.what === 'sample' ? tells : undefined))
        child.once('exit', () => resolve(undefined))
      })
      child.send({ what: 'sample' } satisfies Told)
      return Promise.race([answer, sleep(5_000, undefined)])
    },
  }
}
