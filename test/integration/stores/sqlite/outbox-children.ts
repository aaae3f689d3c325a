import { once } from 'node:events'
import { sqliteOutbox, sqliteStore } from 'hapax/stores/sqlite'
import { inKey, intoFile } from './outbox-place.js'
import { longWindow, writeRow } from './place.js'
import type { Client } from './client.js'

/** What another process is to do with an outbox. */
export type OutboxTask =
  /** Sends `k3` and `k4` in a transaction, and stops for good after that many of its parts. */
  | { readonly name: 'send-until'; readonly file: string; readonly parts: number }
  /** Relays until it is told to end, or hangs for good once that many messages are published, or a whole batch. It says how far it is. */
  | { readonly name: 'relay'; readonly file: string; readonly log: string; readonly batch: number; readonly hangAfter?: number | 'batch' }

const say = (line: string): void => console.log(line)

/** For as long as this process lives, or the one that started it. */
async function forever(): Promise<never> {
  process.stdin.resume()
  return new Promise<never>(() => undefined)
}

export async function doOutboxTask(client: Client, task: OutboxTask): Promise<void> {
  const open = () => client.open(task.file)
  await using outbox = sqliteOutbox(open)
  if (task.name === 'send-until') {
    const store = sqliteStore(open)
    let part = 0
    const stop = async (): Promise<void> => {
      part += 1
      if (part !== task.parts) return
      say('stopped')
      await forever()
    }
    await store.transaction(async (tx) => {
      await outbox.send(tx, inKey('k', 3))
      await stop()
      await store.claimIn(tx, 'a key', longWindow)
      writeRow(tx, 'a row')
      await stop()
      await outbox.send(tx, inKey('k', 4))
      await stop()
    })
    await stop()
    return
  }

  const told = once(process.stdin, 'data')
  const publisher = intoFile(task.log, async (where) => {
    say(String(where))
    if (where === task.hangAfter) await forever()
  })
  const relay = await outbox.relay(publisher, {
    batch: task.batch,
    concurrency: 1,
    pollMs: 20,
    leaseMs: 1_000,
    storeTimeoutMs: 250,
  })
  await told
  process.stdin.destroy()
  await relay.stop()
  say('done')
}
