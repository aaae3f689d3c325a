/** Processes of one kind, one of which is killed every now and then, and another one started in its place. */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'

export interface CrewOptions {
  /** Their program: it says 'ready' when it is, ends at SIGTERM, and gets its words as its argument. */
  readonly entry: string
  readonly words: object
  readonly size: number
  readonly killEveryMs: number
  /** Kills come in bursts of this length, with twice as long a pause after each, in milliseconds; 0 for all the time. A Kafka group whose members are killed for ever never forms: it waits for each that has died. */
  readonly burstMs: number
  /** Where the program is put together. */
  readonly folder: string
  /** Told of what a process says, but for 'ready'. */
  readonly onTold: (what: string) => void
  readonly say: (text: string) => void
}

export interface Crew {
  readonly kills: number
  /** Kills no more, and waits until all that were begun are there. */
  calm(): Promise<void>
  /** Stops all of them in their own way. */
  stop(): Promise<void>
}

/** Resolves when all are ready. From then on they are killed. */
export async function openCrew({ entry, words, size, killEveryMs, burstMs, folder, onTold, say }: CrewOptions): Promise<Crew> {
  const program = join(folder, `worker-${process.pid}.mjs`)
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
  })
  const members: ChildProcess[] = []
  /** Started in place of those that were killed, and not ready yet. */
  const beginning = new Set<Promise<void>>()
  let calming = false
  const over = new AbortController()
  let kills = 0
  let numbered = 0

  const start = async (): Promise<void> => {
    const name = `worker-${(numbered += 1)}`
    const child = fork(program, [JSON.stringify({ name, ...words })], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
    let errors = ''
    child.stderr?.on('data', (data: Buffer) => (errors += String(data)))
    const isReady = await new Promise<boolean>((resolve) => {
      child.on('message', (message) => (message === 'ready' ? resolve(true) : onTold(message as string)))
      child.once('exit', () => resolve(false))
    })
    if (isReady) return void members.push(child)
    // It may have begun while the database or the broker was away: whoever runs it would start it again.
    if (calming) return
    say(`${name} could not start: ${errors.split('\n').find((line) => line.includes('Error:')) ?? 'it gave no reason'}`)
    await sleep(1_000)
    return start()
  }

  await Promise.all(Array.from({ length: size }, start))
  const killing = (async () => {
    const from = Date.now()
    while (!calming) {
      await sleep(killEveryMs, undefined, { signal: over.signal }).catch(() => undefined)
      if (burstMs > 0 && Math.floor((Date.now() - from) / burstMs) % 3 !== 0) continue
      const victim = calming ? undefined : members.shift()
      if (!victim) continue
      victim.kill('SIGKILL')
      kills += 1
      await gone(victim)
      const replaced = start().finally(() => beginning.delete(replaced))
      beginning.add(replaced)
    }
  })()

  return {
    get kills() {
      return kills
    },
    async calm() {
      calming = true
      over.abort()
      await killing
      await Promise.allSettled(beginning)
    },
    async stop() {
      await Promise.all(
        members.map(async (member) => {
          member.kill('SIGTERM')
          await gone(member)
        }),
      )
    },
  }
}

function gone(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => (child.exitCode !== null || child.signalCode !== null ? resolve() : child.once('exit', () => resolve())))
}
