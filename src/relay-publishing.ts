import { hasCode } from './errors.js'
import { tooLate, within } from './clock.js'
import { unpackMessage } from './outbox-message.js'
import type { Hand, RelayParts } from './relay-parts.js'
import type { Outgoing } from './transport.js'
import type { StoredEntry } from './outbox-table.js'

export interface Failed {
  readonly entry: StoredEntry
  readonly error: unknown
}

/** What became of a batch. What is in neither list was not tried, as one before it under its ordering key has failed. */
export interface Published {
  readonly sent: readonly StoredEntry[]
  readonly failed: readonly Failed[]
  /** Nothing at all got through, and nothing was refused: it is not the messages. */
  readonly fault: { readonly error: unknown } | undefined
}

/** How many messages are published one by one at the same time. */
const mostAtOnce = 64

/**
 * Publishes a batch at one go. Where that fails, nobody knows which of the messages is at fault: each is published by itself, in order within its
 * ordering key, so that it holds up nothing but that key. So is what has failed before.
 */
export async function publishEntries(
  read: readonly StoredEntry[],
  hand: Hand,
  parts: Pick<RelayParts, 'publisher' | 'runtime' | 'settings' | 'graceOver'>,
): Promise<Published> {
  const sent: StoredEntry[] = []
  const failed: Failed[] = []
  const send = async (batch: readonly StoredEntry[]): Promise<{ readonly error: unknown } | undefined> => {
    try {
      await publishWithin(batch.map(unpackMessage), hand, parts)
      sent.push(...batch)
      return undefined
    } catch (error) {
      return { error }
    }
  }

  // A relay that was stopped for a while must not go on with what others have taken meanwhile.
  if (!(await hand.keep())) return { sent, failed, fault: undefined }
  const entries = read.filter(({ lane }) => hand.lanes.includes(lane)).toSorted((a, b) => a.position - b.position)
  const fresh = entries.filter(({ failures }) => failures === 0)
  const fault = fresh.length > 0 ? await send(fresh) : undefined
  const [only] = fresh
  if (fault && only && fresh.length === 1) failed.push({ entry: only, error: fault.error })
  const left = fault && fresh.length > 1 ? entries : entries.filter(({ failures }) => failures > 0)

  const queues = inQueues(left)
  const work = async (): Promise<void> => {
    for (let queue = queues.pop(); queue; queue = queues.pop()) {
      for (const entry of queue) {
        if (parts.graceOver.aborted || !(await hand.keep()) || !hand.lanes.includes(entry.lane)) break
        const single = await send([entry])
        if (!single) continue
        failed.push({ entry, error: single.error })
        break
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, queues.length) }, work))

  const [first] = failed
  const isMessage = sent.length > 0 || failed.some(({ error }) => hasCode(error, 'publish-refused'))
  return { sent, failed, fault: first && !isMessage ? { error: first.error } : undefined }
}

/** Messages of one ordering key in one queue, oldest first; the queue that is to begin first is the last one. */
function inQueues(entries: readonly StoredEntry[]): StoredEntry[][] {
  const queues = new Map<string, StoredEntry[]>()
  for (const entry of entries) {
    const name = entry.key ?? `#${entry.position}`
    const queue = queues.get(name)
    if (queue) queue.push(entry)
    else queues.set(name, [entry])
  }
  return [...queues.values()].toReversed()
}

/** Lanes are kept meanwhile; a publisher that never answers is given up. */
async function publishWithin(
  messages: readonly Outgoing[],
  hand: Hand,
  {
    publisher,
    runtime: { clock },
    settings: { leaseMs, publishTimeoutMs },
    graceOver,
  }: Pick<RelayParts, 'publisher' | 'runtime' | 'settings' | 'graceOver'>,
): Promise<void> {
  const publishing = Promise.resolve(publisher.publish(messages))
  const begun = clock.now()
  for (;;) {
    const leftMs = publishTimeoutMs - (clock.now() - begun)
    const answer = await within(clock, Math.max(0, Math.min(leftMs, leaseMs / 3)), publishing, graceOver)
    if (answer !== tooLate) return
    if (graceOver.aborted) throw new Error('The relay stops, and the grace time is over (option graceMs)')
    if (clock.now() - begun >= publishTimeoutMs)
      throw new Error(`The publisher has not answered within ${publishTimeoutMs} ms (option publishTimeoutMs)`)
    await hand.keep()
  }
}
