import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { inbox } from 'hapax'
import { sqliteStore } from 'hapax/stores/sqlite'
import { doOutboxTask } from './outbox-children.js'
import { longWindow, writeRow } from './place.js'
import type { Client } from './client.js'
import type { OutboxTask } from './outbox-children.js'

/** What another process is to do. */
export type Task =
  | OutboxTask
  | { readonly name: 'schema'; readonly file: string; readonly table: string }
  /** Goes through a transaction on `record`, and stops for good after that many of its parts. */
  | { readonly name: 'stop-after'; readonly file: string; readonly record: string; readonly parts: number }
  /** Holds the record in a transaction until it is told to end it. */
  | { readonly name: 'hold'; readonly file: string; readonly record: string }
  | { readonly name: 'claim-all'; readonly file: string; readonly keys: number }
  | { readonly name: 'inbox-all'; readonly file: string; readonly keys: number }

/** Another process on the same file. */
export interface Child {
  /** The next line that it says. */
  said(): Promise<string>
  tell(line: string): void
  kill(): Promise<void>
  /** Resolves with what it said last, once it has ended by itself. */
  ended(): Promise<string>
}

export function startChild(client: string, task: Task): Child {
  const child = spawn(process.execPath, ['--no-warnings', process.argv[1] ?? '', client, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = once(child, 'exit')
  const said = async (): Promise<string> => {
    const next = await lines.next()
    if (next.done) throw new Error('The other process has ended without a word')
    return next.value
  }
  return {
    said,
    tell: (line) => void child.stdin.write(`${line}\n`),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async ended() {
      let last = ''
      for (let next = await lines.next(); !next.done; next = await lines.next()) last = next.value
      const [code] = (await exited) as [number | null]
      if (code !== 0) throw new Error(`The other process has ended with ${code}`)
      return last
    },
  }
}

/** For as long as this process lives, or the one that started it. */
async function forever(): Promise<never> {
  process.stdin.resume()
  return new Promise<never>(() => undefined)
}

const say = (line: string): void => console.log(line)

/** Does it, in the other process. */
export async function doTask(client: Client, task: Task): Promise<void> {
  const open = () => client.open(task.file)
  switch (task.name) {
    case 'schema': {
      await using store = sqliteStore(open, { table: task.table })
      for (let turn = 0; turn < 20; turn += 1) await store.applySchema()
      await store.check(() => undefined)
      return say('made')
    }
    case 'stop-after': {
      const store = sqliteStore(open)
      let part = 0
      const stop = async (): Promise<void> => {
        part += 1
        if (part !== task.parts) return
        say('stopped')
        await forever()
      }
      await store.transaction(async (tx) => {
        await stop()
        say((await store.claimIn(tx, task.record, longWindow)).status)
        await stop()
        writeRow(tx, `${task.record}-one`)
        await stop()
        writeRow(tx, `${task.record}-two`)
        await stop()
      })
      return stop()
    }
    case 'hold': {
      await using store = sqliteStore(open)
      const told = once(process.stdin, 'data')
      await store.transaction(async (tx) => {
        say((await store.claimIn(tx, task.record, longWindow)).status)
        writeRow(tx, task.record)
        await told
      })
      process.stdin.destroy()
      return say('done')
    }
    case 'claim-all': {
      await using store = sqliteStore(open)
      const mine: number[] = []
      const one = async (key: number): Promise<void> => {
        const result = await store.claim(`key-${key}`, { nonce: `${process.pid}-${key}`, leaseMs: 60_000, memoryMs: 60_000 })
        if (result.status !== 'claimed') return
        mine.push(key)
        if (!(await store.complete(result.claim, 60_000))) throw new Error(`key-${key} was taken by another`)
      }
      for (let key = 0; key < task.keys; key += 10) {
        await Promise.all(Array.from({ length: Math.min(10, task.keys - key) }, (_, index) => one(key + index)))
      }
      return say(JSON.stringify(mine))
    }
    case 'send-until':
    case 'relay':
      return doOutboxTask(client, task)
    case 'inbox-all': {
      await using store = sqliteStore(open)
      const save = inbox(async (key: string, { tx }) => writeRow(tx, key), { store, scope: 'sqlite.save', key: (key) => key })
      const statuses = new Map<string, number>()
      const one = async (key: string): Promise<void> => {
        for (;;) {
          const { status } = await save.once(key)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          if (status !== 'busy') return
        }
      }
      const keys = Array.from({ length: task.keys }, (_, index) => `message-${index}`)
      for (const key of keys) await Promise.all([one(key), one(key)])
      return say(JSON.stringify(Object.fromEntries(statuses)))
    }
  }
}
