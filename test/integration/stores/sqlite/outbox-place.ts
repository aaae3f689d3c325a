import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { sqliteOutbox } from 'hapax/stores/sqlite'
import { makePlace } from './place.js'
import type { OutboxTable, Outgoing, Publisher } from 'hapax'
import type { SqliteHandle, SqliteOutbox, SqliteOutboxOptions } from 'hapax/stores/sqlite'
import type { Client } from './client.js'
import type { Place } from './place.js'

/** A place with an outbox. */
export interface OutboxPlace extends Place {
  outbox(options?: SqliteOutboxOptions): SqliteOutbox<SqliteHandle>
  /** Where what is published is written, a line for each message, by whichever process. */
  readonly log: string
  /** Stores messages of one ordering key in a transaction of their own: `k1`, `k2`, … for the key `k`. */
  send(key: string, ...numbers: readonly number[]): Promise<void>
  published(): readonly string[]
  /** Waits until nothing waits any more. */
  drained(): Promise<void>
}

/** Makes a case of what is played in a place of its own. */
export function inOutboxPlace(client: Client) {
  return (play: (place: OutboxPlace) => Promise<void>, journal?: 'delete') => async (): Promise<void> => {
    const place = await makePlace(client, journal)
    const outboxes: SqliteOutbox<SqliteHandle>[] = []
    const outbox = (options?: SqliteOutboxOptions): SqliteOutbox<SqliteHandle> => {
      const made = sqliteOutbox(place.open, options)
      outboxes.push(made)
      return made
    }
    const [own, store] = [outbox(), place.store()]
    const log = `${place.file}.log`
    try {
      await own.applySchema()
      await play({
        ...place,
        outbox,
        log,
        send: (key, ...numbers) => store.transaction((tx) => own.send(tx, inKey(key, ...numbers))),
        published: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []),
        async drained() {
          while ((await own.depth()).waiting > 0) await pause(5)
        },
      })
    } finally {
      for (const each of outboxes) await each.close()
      await place.leave()
    }
  }
}

export function inKey(key: string, ...numbers: readonly number[]): readonly Outgoing[] {
  return numbers.map((number) => ({ destination: 'orders', orderingKey: key, body: `${key}${number}` }))
}

/** The numbers from the first to the last. */
export function upTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** Publishes into a file. Tells how many messages are published before each of them, and after a batch; what it waits for may never come. */
export function intoFile(log: string, tell: (where: number | 'batch') => Promise<void> = () => Promise.resolve()): Publisher {
  let published = 0
  return {
    async publish(messages) {
      for (const { body } of messages) {
        await tell(published)
        appendFileSync(log, `${new TextDecoder().decode(body as Uint8Array)}\n`)
        published += 1
      }
      await tell('batch')
    },
  }
}

/** How a case takes lanes, unless it is about that. */
export const taking = { nonce: 'a nonce', most: 64, leaseMs: 600_000 }

/** What waits, as text: takes all lanes. */
export async function bodiesIn(table: OutboxTable<SqliteHandle>): Promise<readonly string[]> {
  const lanes = await table.takeLanes(taking)
  return (await table.read(lanes, 100)).map(({ body }) => new TextDecoder().decode(body))
}
