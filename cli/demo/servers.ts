import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from './asking.js'
import { openCrew } from './crew.js'
import { brokers, stores } from './products.js'
import { inHands, openTail } from './tail.js'
import { untilAborted } from './aborting.js'
import { untilDone } from './until-done.js'
import type { Entry } from './ledger.js'
import type { Played, Stage } from './stage.js'
import type { Scenario } from './payments.js'
import type { Servers } from './products.js'
import type { Way } from './handlers.js'

const workers = ['worker-1', 'worker-2', 'worker-3']
const killed = 'worker-2'
const stepMs = 100

/**
 * Plays the scenario on real servers, with a process for each worker; one of them is killed with SIGKILL. What it makes there it removes again,
 * whatever happens; what cannot be removed is told to `regret`.
 */
export async function playOnServers(
  way: Way,
  scenario: Scenario,
  servers: Servers,
  stage: Stage,
  regret: (what: string) => void,
): Promise<Played> {
  const { inbox } = servers
  const { signal, doing, happening, entries, write } = stage
  const run = `hapax-demo-${randomBytes(5).toString('hex')}-${way}`
  const atBroker = { ...brokers[servers.broker.option], at: servers.broker.at }
  const atStore = { ...stores[servers.store.option], at: servers.store.at }
  const undoings: (() => Promise<void>)[] = []
  /** Undone in reverse order, each whatever became of the others. */
  const undo = (what: string, undoing: () => Promise<void>): void => {
    undoings.unshift(() => undoing().catch((error: unknown) => regret(`could not ${what}: ${(error as Error).message}`)))
  }

  const play = async (): Promise<Played> => {
    const broker = await untilAborted(
      signal,
      ask(atBroker, () => atBroker.open(atBroker.at, run)),
    )
    undoings.unshift(() => quietly(ask(atBroker, () => broker.close())))
    const store = await untilAborted(
      signal,
      ask(atStore, () => atStore.open(atStore.at, run)),
    )
    undoings.unshift(() => quietly(ask(atStore, () => store.close())))
    undo(`remove ${run}`, () => ask(atBroker, () => broker.remove()))
    await ask(atBroker, () => broker.make())
    undo(`remove ${run}`, () => ask(atStore, () => store.remove()))
    await ask(atStore, () => store.make())

    const folder = await mkdtemp(join(tmpdir(), 'hapax-demo-'))
    undo(`remove ${folder}`, () => rm(folder, { recursive: true, force: true }))
    const ledger = join(folder, 'ledger.ndjson')
    const tail = openTail(ledger, write)
    const crew = openCrew((name) => ({ name, way, servers, run, ledger }))
    undo('end the workers', () => {
      doing('removing what was made')
      return crew.end()
    })

    const readCharges = async (): Promise<readonly (Entry & { readonly id: number })[]> =>
      inbox ? (await ask(atStore, () => store.charges())).map((row) => ({ ...row, what: 'charged' })) : []
    const shown = new Set<number>()
    const look = async (): Promise<void> => {
      crew.check()
      await tail.read()
      for (const charge of await readCharges()) {
        if (!shown.has(charge.id)) write(charge)
        shown.add(charge.id)
      }
    }
    const killInTheMiddle = (nowMs: number): void => {
      const due = nowMs >= scenario.killAtMs && crew.names().includes(killed)
      if (!due || inHands(entries(), killed).size === 0) return
      crew.kill(killed)
      happening(`${killed} is killed with SIGKILL in the middle of its work`)
    }

    doing(`${workers.length} workers start`)
    await untilAborted(signal, crew.start(workers))
    for (let nowMs = 0, sent = 0; sent < scenario.sendings.length; nowMs += stepMs) {
      const due = scenario.sendings.slice(sent).filter(({ atMs }) => atMs <= nowMs)
      sent += due.length
      await ask(atBroker, () => broker.publish(due))
      await look()
      killInTheMiddle(nowMs)
      await stage.pace(stepMs)
    }
    if (crew.names().includes(killed)) {
      crew.kill(killed)
      happening(`${killed} is killed with SIGKILL`)
    }
    await untilDone(crew, stage, () => ask(atBroker, () => broker.left()), look)

    const deadLetters = await untilAborted(
      signal,
      ask(atBroker, () => broker.deadLetters(), 30_000),
    )
    if (!inbox) return { entries: entries(), deadLetters, killed, inbox }
    // What was shown on the way is one thing; what counts is what is committed now that everybody has ended.
    const committed = await readCharges()
    return { entries: [...entries().filter(({ what }) => what !== 'charged'), ...committed], deadLetters, killed, inbox }
  }

  try {
    return await play()
  } finally {
    for (const each of undoings) await each()
  }
}

/** A connection that cannot be closed leaves nothing behind. */
async function quietly(closing: Promise<void>): Promise<void> {
  await closing.catch(() => undefined)
}
