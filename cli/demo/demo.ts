import { check } from './check.js'
import { untilAborted } from './aborting.js'
import { needClients } from './client-library.js'
import { makeScenario } from './payments.js'
import { openView } from './view.js'
import { playEmbedded } from './embedded.js'
import { playOnServers } from './servers.js'
import { brokers, stores } from './products.js'
import type { Entry } from './ledger.js'
import type { Report } from './check.js'
import type { Servers } from './products.js'
import type { Stage } from './stage.js'
import type { Way } from './handlers.js'

export interface DemoOptions {
  readonly seed: number
  readonly payments: number
  /** How fast the embedded demo plays; 0 for as fast as it can. */
  readonly speed: number
  readonly json: boolean
  /** Real servers instead of the memory broker and store. */
  readonly servers: Servers | undefined
}

/** Where the demo is played. */
export interface Theatre {
  readonly stream: NodeJS.WriteStream
  /** Aborts when whoever watches has had enough: what the demo made is removed, and the reason thrown. */
  readonly signal: AbortSignal
  /** Told what could not be removed. */
  readonly regret: (what: string) => void
}

/** On real servers, three hundred payments take as long as a thousand, and fewer take less. */
const longestOnServersMs = 8_000

/** Plays the same stream through the bare and the wrapped handler. Answers the exit status: 0 if the wrapped one kept its promise. */
export async function demo(options: DemoOptions, { stream, signal, regret }: Theatre): Promise<number> {
  const { seed, payments, speed, json, servers } = options
  if (servers) await needClients([brokers[servers.broker.option], stores[servers.store.option]])
  const scenario = makeScenario(seed, payments, servers ? Math.min(longestOnServersMs, payments * 25) : 7_000)
  const title = `${payments} payments in ${scenario.sendings.length} messages, by 3 workers, on ${placeOf(options)}`
  const view = json ? undefined : openView(stream, stream.isTTY && !process.env.NO_COLOR, title)

  const regrets: string[] = []
  const play = async (way: Way): Promise<Report> => {
    const entries: Entry[] = []
    let atMs = 0
    const stage: Stage = {
      write: (entry) => void entries.push(entry),
      entries: () => entries,
      signal,
      doing: (what) => view?.doing(way, what),
      happening: (what) => view?.happening(way, what),
      async pace(ms) {
        atMs += ms
        view?.update(way, atMs, entries)
        const waitMs = servers ? ms : speed > 0 ? ms / speed : 0
        if (waitMs > 0) await untilAborted(signal, new Promise<void>((resolve) => setTimeout(resolve, waitMs)))
      },
    }
    const played = servers
      ? await playOnServers(way, scenario, servers, stage, (what) => regrets.push(what))
      : await playEmbedded(way, scenario, seed, stage)
    const report = check({ payments: scenario.payments, ...played })
    view?.done(way, report, played.entries)
    return report
  }

  try {
    const bare = await play('bare')
    const wrapped = await play('wrapped')
    view?.end(bare, wrapped)
    if (json) {
      const broker = servers?.broker.option ?? 'memory'
      const store = servers?.store.option ?? 'memory'
      const messages = scenario.sendings.length
      stream.write(`${JSON.stringify({ seed, broker, store, messages, bare, wrapped, ok: wrapped.ok })}\n`)
    }
    return wrapped.ok ? 0 : 1
  } finally {
    for (const what of regrets) regret(what)
  }
}

function placeOf({ servers, seed }: DemoOptions): string {
  if (!servers) return `memory, seed ${seed}`
  const { broker, store, inbox } = servers
  return `${brokers[broker.option].name} and ${stores[store.option].name}${inbox ? ' (inbox)' : ''}`
}
