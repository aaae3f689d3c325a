import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bornAt, end, isAlive, signal, type Identity } from './processes.js'
import { tail } from './run.js'

/** A server that was started here. It outlives the process that started it. */
export interface Server {
  readonly address: string
  readonly identity: Identity
  /** Lets it shut down in its own way. */
  stop(): Promise<void>
  /** SIGKILL, to all of its processes. */
  kill(): Promise<void>
  /** Stops it if it runs, and starts it again on the same data. */
  restart(): Promise<void>
  /** SIGSTOP: it holds its connections and answers nothing. */
  pause(): void
  resume(): void
}

export interface Recipe {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly dir: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** @default SIGTERM */
  readonly stopBy?: NodeJS.Signals
  readonly readyInMs: number
  /** Why it does not answer yet; undefined once it does. */
  fault(): Promise<string | undefined>
}

export async function runServer(recipe: Recipe): Promise<Server> {
  mkdirSync(recipe.dir, { recursive: true })
  await endLeftover(recipe.dir)
  let identity = await launch(recipe)
  return {
    address: `${recipe.host}:${recipe.port}`,
    get identity() {
      return identity
    },
    stop: () => end(identity, 'stop'),
    kill: () => end(identity, 'kill'),
    async restart() {
      await end(identity, 'stop')
      identity = await launch(recipe)
    },
    pause: () => signal(identity, 'SIGSTOP'),
    resume: () => signal(identity, 'SIGCONT'),
  }
}

async function launch(recipe: Recipe): Promise<Identity> {
  const { name, host, port, dir } = recipe
  if (await isTaken(host, port)) throw new Error(`${name} cannot start: port ${port} is taken by something else`)
  const log = join(dir, 'server.log')
  const identity = await spawnDetached(recipe, log)
  writeFileSync(pidFile(dir), JSON.stringify(identity))
  const deadline = Date.now() + recipe.readyInMs
  for (;;) {
    const fault = await recipe.fault()
    if (!isAlive(identity)) throw new Error(`${name} ended while starting. The end of ${log}:\n${tail(log)}`)
    if (fault === undefined) return identity
    if (Date.now() > deadline) {
      await end(identity, 'kill')
      throw new Error(`${name} was not ready after ${recipe.readyInMs / 1000} s: ${fault}. The end of ${log}:\n${tail(log)}`)
    }
    await sleep(50)
  }
}

function spawnDetached({ command, args, env, stopBy, dir }: Recipe, log: string): Promise<Identity> {
  const output = openSync(log, 'a')
  const child = spawn(command, args, { cwd: dir, env: { ...process.env, ...env }, detached: true, stdio: ['ignore', output, output] })
  closeSync(output)
  child.unref()
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () => {
      const pid = child.pid ?? 0
      resolve({ pid, bornAt: bornAt(pid) ?? 'ended at once', ...(stopBy && { stopBy }) })
    })
  })
}

/** Ends what an interrupted run left in this folder, so that two servers never share one folder of data. */
async function endLeftover(dir: string): Promise<void> {
  try {
    await end(JSON.parse(readFileSync(pidFile(dir), 'utf8')) as Identity, 'stop')
  } catch {
    // No pid file, or one cut short: nothing is known to run here.
  }
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const answer = (taken: boolean) => {
      socket.destroy()
      resolve(taken)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}

function pidFile(dir: string): string {
  return join(dir, 'pid.json')
}
