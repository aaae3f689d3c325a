import { answerOf, openAnswering, tryAgain } from './retry.js'
import { hasCode, messageOf } from './errors.js'
import { openDeadlines } from './deadlines.js'
import { openSweep } from './sweep.js'
import { publishEntries } from './relay-publishing.js'
import { unpackMessage } from './outbox-message.js'
import type { Failed } from './relay-publishing.js'
import type { Hand, RelayParts } from './relay-parts.js'
import type { StoredEntry } from './outbox-table.js'
import type { Tried } from './retry.js'

export type Went = 'served' | 'nothing' | 'away'

/** How many lanes are taken at once. */
const mostLanes = 8
/** How often lanes are read before they are given back, so that a full one does not keep others waiting. */
const mostReads = 20

/** Takes lanes, publishes what waits in them, and gives them back. `serve` never rejects. */
export function openLanes(parts: RelayParts): { serve(): Promise<Went> } {
  const { table, settings, runtime, hooks, holding, stopping, graceOver } = parts
  const { clock, random } = runtime
  const { batch, leaseMs, storeTimeoutMs, maxFailures, keepSentMs } = settings
  const answering = openAnswering(openDeadlines(clock), storeTimeoutMs)
  const sweep = openSweep({ clock, random, batch: () => table.sweep() })

  const ask = async <Value>(signal: AbortSignal, step: () => Promise<Value>, late?: (value: Value) => void): Promise<Tried<Value>> => {
    const tried = await tryAgain(runtime, (now) => answerOf(answering, step(), now, late), {
      signal,
      onFault(error) {
        // Relays get into each other's way now and then: the database is there.
        if (!hasCode(error, 'transaction-conflict')) holding.away('store', error)
      },
    })
    if (tried.done) holding.back('store')
    return tried
  }

  const takeHand = async (): Promise<(Hand & { give(restMs: number, lanes?: readonly number[]): Promise<void> }) | undefined> => {
    const nonce = random.nonce()
    let sentAt = clock.now()
    let givenUp = false
    const step = (): Promise<readonly number[]> => {
      sentAt = clock.now()
      return table.takeLanes({ nonce, most: mostLanes, leaseMs })
    }
    // Taken for somebody who has stopped waiting, lanes would wait for the end of the lease.
    const late = (lanes: readonly number[]): void => {
      if (givenUp && lanes.length > 0) table.giveLanes(nonce, lanes, 0).catch(() => undefined)
    }
    const taken = await ask(stopping, step, late)
    givenUp = !taken.done
    if (!taken.done || taken.value.length === 0) return undefined

    let lanes = taken.value
    let keeping: Promise<void> | undefined
    const renew = async (): Promise<void> => {
      const kept = await ask(graceOver, () => {
        sentAt = clock.now()
        return table.keepLanes(nonce, lanes, leaseMs)
      })
      lanes = kept.done ? kept.value : []
      keeping = undefined
    }
    return {
      get lanes() {
        return lanes
      },
      async keep() {
        if (lanes.length > 0 && clock.now() - sentAt >= leaseMs / 3) await (keeping ??= renew())
        return lanes.length > 0
      },
      async give(restMs, given = lanes) {
        if (given.length > 0) await ask(graceOver, () => table.giveLanes(nonce, given, restMs))
      },
    }
  }

  /** What was published is recorded first: only what is not would be published again. */
  const record = async (sent: readonly StoredEntry[], failed: readonly Failed[]): Promise<void> => {
    const positions = sent.map(({ position }) => position)
    if (positions.length > 0) await ask(graceOver, () => table.sent(positions, keepSentMs))
    for (const each of failed) await recordFailure(each)
  }

  const recordFailure = async ({ entry, error }: Failed): Promise<void> => {
    const failures = entry.failures + 1
    const reason = reasonOf(error)
    const what = `${nameOf(entry)} could not be published for the ${failures}. time: ${reason}`
    if (failures < maxFailures) {
      const restMs = settings.retryDelaysMs[Math.min(failures, settings.retryDelaysMs.length) - 1] ?? leaseMs
      await ask(graceOver, () => table.failed(entry.position, { failures, restMs, reason }))
      hooks.trouble({ kind: 'publish-failed', error, message: `${what}. It rests for ${restMs} ms, and all of its ordering key with it.` })
      return
    }
    const aside = await ask(graceOver, () => table.setAside(entry.position, { failures, reason }))
    if (!aside.done || !aside.value) return
    hooks.trouble({ kind: 'set-aside', error, message: `${what}. It was set aside, and what follows under its ordering key goes on.` })
  }

  return {
    async serve() {
      sweep.ride()
      const hand = await takeHand()
      if (!hand) return 'nothing'
      let went: Went = 'served'
      let resting: readonly number[] = []
      for (let reads = 1; reads <= mostReads && !stopping.aborted && (await hand.keep()); reads += 1) {
        const read = await ask(stopping, () => table.read(hand.lanes, batch))
        if (!read.done) break
        // Only what rests is in there: they would be taken again at once.
        if (reads === 1) resting = hand.lanes.filter((lane) => read.value.every((entry) => entry.lane !== lane))
        if (read.value.length === 0) break
        const { sent, failed, fault } = await publishEntries(read.value, hand, parts)
        await record(sent, fault || graceOver.aborted ? [] : failed)
        if (sent.length > 0) holding.back('broker')
        if (fault) {
          holding.away('broker', fault.error)
          went = 'away'
          break
        }
        if (read.value.length < batch) break
      }
      const restMs = went === 'away' ? 0 : settings.pollMs
      await hand.give(
        0,
        hand.lanes.filter((lane) => !resting.includes(lane)),
      )
      await hand.give(
        restMs,
        hand.lanes.filter((lane) => resting.includes(lane)),
      )
      return went
    },
  }
}

function nameOf(entry: StoredEntry): string {
  try {
    const { destination, id } = unpackMessage(entry)
    return `Message ${id} for ${destination} (position ${entry.position})`
  } catch {
    return `The message at position ${entry.position}`
  }
}

/** One short line that every database can store. */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 1_000)
}
