import { readFile } from 'node:fs/promises'
import type { Entry, WriteEntry } from './ledger.js'

/** Reads what the workers append to the ledger, as far as they have got. */
export function openTail(path: string, write: WriteEntry): { read(): Promise<void> } {
  let seen = 0
  return {
    async read() {
      const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').slice(0, -1)
      for (const line of lines.slice(seen)) write(JSON.parse(line) as Entry)
      seen = lines.length
    },
  }
}

/** What a worker has begun and not settled, as far as the ledger tells. */
export function inHands(entries: readonly Entry[], worker: string): ReadonlySet<string> {
  const hands = new Set<string>()
  for (const { what, worker: whose, payment } of entries) {
    if (whose !== worker) continue
    if (what === 'began') hands.add(payment)
    if (what === 'settled') hands.delete(payment)
  }
  return hands
}
