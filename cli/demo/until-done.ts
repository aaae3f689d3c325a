import { untilAborted } from './aborting.js'
import { inHands } from './tail.js'
import type { Crew } from './crew.js'
import type { Stage } from './stage.js'

const stepMs = 300
const longestMs = 120_000
/** How long nothing may have happened before the workers are asked to end; longer where one seems to have something in its hands. */
const quietMs = { idle: 600, busy: 3_000 }
const mostFaults = 5

/**
 * Waits until no message is left, and has the workers end. A broker may not count what is in a worker's hands; but what workers that have ended did
 * not settle is counted, so the last word is spoken after that. If something is left then, they work on.
 *
 * `left` counts the messages, `look` reads what has happened.
 */
export async function untilDone(crew: Crew, stage: Stage, left: () => Promise<number>, look: () => Promise<void>): Promise<void> {
  let quietForMs = 0
  let faults = 0
  let seen = -1
  const count = async (): Promise<number> => {
    try {
      const messages = await left()
      faults = 0
      return messages
    } catch (error) {
      // What was created a moment ago may be unknown to the node that is asked.
      faults += 1
      if (faults >= mostFaults) throw error
      return Number.POSITIVE_INFINITY
    }
  }
  for (let waitedMs = 0; waitedMs < longestMs; waitedMs += stepMs) {
    await stage.pace(stepMs)
    await look()
    const nothingLeft = (await count()) === 0
    const entries = stage.entries()
    quietForMs = nothingLeft && entries.length === seen ? quietForMs + stepMs : 0
    seen = entries.length
    const names = crew.names()
    const busy = names.some((name) => inHands(entries, name).size > 0)
    if (quietForMs < (busy ? quietMs.busy : quietMs.idle)) continue
    stage.doing('the workers end')
    await untilAborted(stage.signal, crew.stop())
    await look()
    if ((await count()) === 0) return
    quietForMs = 0
    await untilAborted(stage.signal, crew.start(names))
  }
  throw new Error(`the workers are not done after ${longestMs / 1_000} s`)
}
