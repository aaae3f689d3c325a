import { laneCount } from '../../../src/index.js'
import { longBody, sliceBytes } from './outbox-statements.js'
import type { SetAsideEntry, StoredEntry } from '../../../src/index.js'

export type Entry = StoredEntry & SetAsideEntry

/** An entry, but for a body that has to be read by itself. */
export interface Row {
  /** Whether it has failed, or is sent again: it goes before all that waits under its ordering key. */
  readonly first: boolean
  readonly entry: Omit<Entry, 'body'>
  readonly body: Uint8Array | undefined
}

/** How many bytes of long bodies are read at once, so that a batch of them outgrows neither the memory nor the time for an answer. */
const mostLongBytes = 32 * 1_048_576

/** Of rows that were read from lanes: `most` of each, failed messages first, then by position. */
export function rowsOfLanes(texts: readonly string[], most: number): readonly (readonly Row[])[] {
  const lanes = new Map<number, Row[]>()
  for (const row of texts.map(rowOf)) {
    const { lane } = row.entry
    const rows = lanes.get(lane)
    if (rows) rows.push(row)
    else lanes.set(lane, [row])
  }
  const rank = ({ first }: Row): number => (first ? 0 : 1)
  return [...lanes.values()].map((rows) => rows.toSorted((a, b) => rank(a) - rank(b) || a.entry.position - b.entry.position).slice(0, most))
}

export function rowsSetAside(texts: readonly string[]): readonly Row[] {
  return texts.map(rowOf).toSorted((a, b) => a.entry.position - b.entry.position)
}

function rowOf(text: string): Row {
  const [position, lane, failures, key, reason, body, ...head] = text.split(' ')
  const numbers = [position, lane, failures].map(Number)
  if (reason === undefined || body === undefined || head.length === 0 || !numbers.every(Number.isSafeInteger))
    throw new Error(`The database gave an answer that a statement of Hapax never gives: ${text.slice(0, 200)}`)
  const entry = {
    position: Number(position),
    lane: Number(lane) % laneCount,
    failures: Number(failures),
    key: key === '-' ? undefined : key,
    head: head.join(' '),
    reason: Buffer.from(reason, 'base64').toString(),
  }
  // It is in a lane beside its own.
  const first = Number(lane) >= laneCount
  return { first, entry, body: body === longBody ? undefined : Buffer.from(body, 'base64') }
}

/**
 * Reads the long bodies, by `readSlice`, which answers what is in a body from an offset on, and nothing for a message that is gone. Once they have become too many bytes,
 * of each list only what stands before the next one is answered, and one message at least.
 */
export async function withBodies(
  lists: readonly (readonly Row[])[],
  readSlice: (position: number, offset: number) => Promise<Uint8Array | undefined>,
): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  let leftBytes = mostLongBytes
  for (const rows of lists) {
    let read = 0
    for (const { entry, body } of rows) {
      if (body === undefined && leftBytes <= 0 && read > 0) break
      const whole = body ?? (await readBody((offset) => readSlice(entry.position, offset)))
      if (!whole) continue
      if (!body) leftBytes -= whole.length
      entries.push({ ...entry, body: whole })
      read += 1
    }
  }
  return entries
}

async function readBody(readSlice: (offset: number) => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
  const slices: Uint8Array[] = []
  for (let offset = 0; ; offset += sliceBytes) {
    const slice = await readSlice(offset)
    if (!slice) return undefined
    slices.push(slice)
    if (slice.length < sliceBytes) return Buffer.concat(slices)
  }
}
