import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ChildProcess } from 'node:child_process'
import type { WorkerWords, WorkerAnswer } from './worker.js'

/** The worker processes of one play. */
export interface Crew {
  /** Who works: neither killed nor stopped. */
  names(): readonly string[]
  /** Resolves when all consume. */
  start(names: readonly string[]): Promise<void>
  /** Kills one with SIGKILL, for good. */
  kill(name: string): void
  /** Has all end by themselves, what they have in their hands first. */
  stop(): Promise<void>
  /** Kills all, and resolves when they are gone. */
  end(): Promise<void>
  /** Throws if one has ended that nobody told to. */
  check(): void
}

export function openCrew(wordsFor: (name: string) => WorkerWords): Crew {
  const working = new Map<string, ChildProcess>()
  const living = new Set<ChildProcess>()
  let fault: Error | undefined

  const begin = (name: string): Promise<void> => {
    const child = fork(fileURLToPath(new URL('../main.js', import.meta.url)), ['demo-worker', JSON.stringify(wordsFor(name))], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    working.set(name, child)
    living.add(child)
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        if (working.get(name) === child) fault ??= new Error(`${name} has ended: ${reason}`)
        reject(fault ?? new Error(`${name} was stopped`))
      }
      child.on('message', (answer: WorkerAnswer) => ('fault' in answer ? fail(answer.fault) : resolve()))
      child.once('error', (error) => fail(error.message))
      child.once('exit', (status, signal) => {
        living.delete(child)
        fail(signal ?? `exit status ${status}`)
      })
    })
  }
  const gone = (child: ChildProcess): Promise<void> =>
    living.has(child) ? new Promise((resolve) => child.once('exit', () => resolve())) : Promise.resolve()

  return {
    names: () => [...working.keys()],
    async start(names) {
      await Promise.all(names.map(begin))
    },
    kill(name) {
      const child = working.get(name)
      working.delete(name)
      child?.kill('SIGKILL')
    },
    async stop() {
      const children = [...working.values()]
      working.clear()
      for (const child of children) child.kill('SIGTERM')
      await Promise.all(children.map(gone))
    },
    async end() {
      working.clear()
      const children = [...living]
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.map(gone))
    },
    check() {
      if (fault) throw fault
    },
  }
}
